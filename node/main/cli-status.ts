import type { EndpointsReport, StatusReport, UpstreamsReport } from '../control/admin-models.ts'
import { ADMIN_OPTIONS, clientOf } from './admin-client.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { count, doorLine, painter, upstreamLines, type Paint } from './cli-nodes.ts'

/** All that is told. */
interface Standing {
  readonly status: StatusReport
  readonly endpoints: EndpointsReport['endpoints']
  readonly upstreams: UpstreamsReport['upstreams']
}

const PHASE_STYLE = { ready: 'green', starting: 'yellow', draining: 'red' } as const

function textOf({ status, endpoints, upstreams }: Standing, paint: Paint): string {
  const { name, organisation, url, phase, startedAt, version, callsInFlight } = status
  const title = `${paint('bold', name)} of ${organisation}  ${paint('dim', url)}\n`
  const calls = `${count(callsInFlight, 'call')} under way`
  const since = `since ${startedAt}, version ${version}, ${calls}`
  const doors = endpoints.map((endpoint) => doorLine(endpoint, endpoint.url, paint))
  const state = `  ${paint(PHASE_STYLE[phase], phase)} ${since}\n`
  return [title, state, ...doors, ...upstreamLines(upstreams, paint)].join('')
}

async function tellStatus(context: CommandContext): Promise<number> {
  const { args, options, stdout, colour } = context
  const [file, ...rest] = args
  if (rest.length > 0) throw new UsageError('status takes one file')
  const client = await clientOf(context, file)
  const [standing, { endpoints }, { upstreams }] = await Promise.all([
    client.get<StatusReport>('/status'),
    client.get<EndpointsReport>('/endpoints'),
    client.get<UpstreamsReport>('/upstreams'),
  ])
  const all = { status: standing, endpoints, upstreams }
  const text = options.has('json')
    ? `${JSON.stringify({ ...standing, endpoints, upstreams }, null, 2)}\n`
    : textOf(all, painter(colour))
  stdout.write(text)
  return standing.phase === 'ready' ? EXIT.ok : EXIT.failed
}

/** `banyan status`: how a running node stands, by its admin listener. */
export const statusCommand: Command = {
  name: 'status',
  summary: 'say how a running node stands; ends with 1 while it is not ready',
  usage: '(FILE | --url URL) [--key-file KEY] [--json]',
  options: {
    ...ADMIN_OPTIONS,
    json: { type: 'boolean', summary: 'print one JSON document' },
  },
  run: tellStatus,
}
