import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../node/core/config.ts'
import { ConfigError } from '../../../node/core/config-error.ts'
import type { UpstreamConfig } from '../../../node/core/config-types.ts'

const SERVER = { http: { url: 'http://127.0.0.1:1/mcp' } }
const PEER = { node: { url: 'http://127.0.0.1:2/mcp/main' } }
const SIGNER = { url: 'https://gate.globex.example', organisation: 'globex' }

function parse(upstream: object): UpstreamConfig | undefined {
  const node = { name: 'edge', organisation: 'acme' }
  return parseConfig({ node, upstreams: { up: upstream } }, { env: {} }).upstreams['up']
}

function problemsOf(upstream: object): readonly string[] {
  try {
    parse(upstream)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message }) => `${path.slice(2).join('.')} ${message}`)
  }
}

describe('provenance of an upstream', () => {
  test('is nothing unless it is said', () => {
    expect(parse(SERVER)).not.toHaveProperty('provenance')
    expect(parse({ ...SERVER, provenance: {} })?.provenance).toEqual({
      results: 'off',
      descriptors: 'off',
      pin: 'off',
      signers: [],
    })
  })

  test('names who is believed, and by which keys', () => {
    const pins = ['a'.repeat(43)]
    const signers = [
      { ...SIGNER, pins },
      { ...SIGNER, url: 'http://127.0.0.1:9' },
    ]
    const { provenance } = parse({ ...PEER, provenance: { results: 'require', signers } }) ?? {}
    expect(provenance?.signers).toEqual([
      { ...SIGNER, pins },
      { ...SIGNER, url: 'http://127.0.0.1:9', pins: [] },
    ])
  })

  test.each([
    [{ ...SERVER, provenance: { results: 'attach', descriptors: 'attach', pin: 'refuse' } }, []],
    [{ stdio: { command: 'x' }, provenance: { descriptors: 'attach' } }, []],
    [{ ...PEER, provenance: { descriptors: 'verify', signers: [SIGNER] } }, []],
    [{ ...PEER, provenance: { pin: 'flag' } }, []],
    [
      { ...PEER, provenance: { results: 'attach' } },
      ['provenance.results attach is for servers: a node signs for its own itself'],
    ],
    [
      { ...SERVER, provenance: { descriptors: 'require', signers: [SIGNER] } },
      ['provenance.descriptors require is for nodes: a server signs nothing'],
    ],
    [
      { ...PEER, provenance: { results: 'verify' } },
      ['provenance.signers is missing: nothing could be verified'],
    ],
    [
      { ...PEER, provenance: { pin: 'flag', signers: [SIGNER] } },
      ['provenance.signers is only for verify and require'],
    ],
    [
      { ...PEER, provenance: { results: 'verify', signers: [SIGNER, SIGNER] } },
      ['provenance.signers.1.url is in the list twice'],
    ],
    [
      {
        ...PEER,
        provenance: { results: 'verify', signers: [{ ...SIGNER, url: 'http://globex.example' }] },
      },
      ['provenance.signers.0.url must be https, unless the host is loopback'],
    ],
  ])('%j', (upstream, problems) => {
    expect(problemsOf(upstream)).toEqual(problems)
  })
})
