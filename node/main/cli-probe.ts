import { CAPABILITY_KINDS } from '../../protocol/capability.ts'
import type { ProbeReport } from '../control/probe-answer.ts'
import { ADMIN_OPTIONS, clientOf } from './admin-client.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { painter } from './cli-nodes.ts'
import { probeText } from './cli-probe-text.ts'

async function probe(context: CommandContext): Promise<number> {
  const { args, options, stdout, colour } = context
  const [file, name, ...rest] = options.has('url') ? [undefined, ...args] : args
  if (name === undefined || rest.length > 0) {
    throw new UsageError('probe takes one file, or --url, and one name')
  }
  const kind = options.text('kind')
  if (kind !== undefined && !CAPABILITY_KINDS.some((one) => one === kind)) {
    throw new UsageError(`--kind takes one of ${CAPABILITY_KINDS.join(', ')}`)
  }
  const client = await clientOf(context, file)
  const given = { name, kind, endpoint: options.text('endpoint'), for: options.text('for') }
  const asked = new URLSearchParams()
  for (const [key, value] of Object.entries(given)) if (value !== undefined) asked.set(key, value)
  const report = await client.get<ProbeReport>(`/probe?${asked.toString()}`)
  const text = options.has('json')
    ? `${JSON.stringify(report, null, 2)}\n`
    : probeText(report, painter(colour))
  stdout.write(text)
  if (report.end === 'unknown') return EXIT.usage
  return report.end === 'reached' ? EXIT.ok : EXIT.failed
}

/** `banyan probe`: the hops a call takes, with times. */
export const probeCommand: Command = {
  name: 'probe',
  summary:
    'show the hops a call of NAME takes now, and the time to each; calls nothing. Ends with 1 when the server is not reached, with 2 when nothing has the name',
  usage:
    '(FILE | --url URL) NAME [--endpoint E] [--kind KIND] [--for WHO] [--key-file KEY] [--json]',
  options: {
    endpoint: {
      type: 'string',
      value: 'NAME',
      summary: 'at this endpoint; default: the first that has it',
    },
    kind: {
      type: 'string',
      value: 'KIND',
      summary: `what NAME is: ${CAPABILITY_KINDS.join(', ')}`,
    },
    for: {
      type: 'string',
      value: 'WHO',
      summary:
        'whose call it would be: a class, "*" for who is in none, or key:NAME; default: one that sees all',
    },
    ...ADMIN_OPTIONS,
    json: { type: 'boolean', summary: 'print one JSON document' },
  },
  run: probe,
}
