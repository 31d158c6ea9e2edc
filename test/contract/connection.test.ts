import { connectionContract, type UpstreamKind } from './connection.contract.ts'
import { httpConnector, httpUpstream, refusedUrl } from './http-upstream.ts'
import { linkConnector, linkUpstream } from './link-upstream.ts'
import { stdioConnector, stdioUpstream } from './stdio-upstream.ts'

const refused = await refusedUrl()

const http = {
  makeAbsent: () => httpConnector(refused),
  survivesHuge: true,
} as const

const stdio = {
  makeAbsent: () => stdioConnector({ command: 'banyan-no-such-command', args: [] }),
  survivesHuge: false,
} as const

const kinds: Record<string, UpstreamKind> = {
  'HTTP 2026': {
    ...http,
    era: '2026',
    revision: '2026-07-28',
    make: () => httpUpstream({ era: '2026' }),
  },
  'HTTP 2026, every answer an event stream': {
    ...http,
    era: '2026',
    revision: '2026-07-28',
    make: () => httpUpstream({ era: '2026', mode: 'sse' }),
  },
  'HTTP 2025': {
    ...http,
    era: '2025',
    revision: '2025-11-25',
    make: () => httpUpstream({ era: '2025' }),
  },
  'HTTP 2025, every answer an event stream': {
    ...http,
    era: '2025',
    revision: '2025-06-18',
    make: () => httpUpstream({ era: '2025', mode: 'sse', versions: ['2025-06-18'] }),
  },
  'a link': {
    era: '2026',
    revision: '2026-07-28',
    isNode: true,
    makeAbsent: () => linkConnector(refused),
    survivesHuge: true,
    make: () => linkUpstream(),
  },
  'stdio 2026': {
    ...stdio,
    era: '2026',
    revision: '2026-07-28',
    make: () => stdioUpstream({ era: '2026' }),
  },
  'stdio 2025': {
    ...stdio,
    era: '2025',
    revision: '2025-11-25',
    make: () => stdioUpstream({ era: '2025' }),
  },
}

for (const [name, kind] of Object.entries(kinds)) connectionContract(name, kind)
