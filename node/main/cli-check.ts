import { styleText } from 'node:util'
import {
  explainConfig,
  type AdminReport,
  type ConfigReport,
  type EndpointReport,
  type OfferReport,
} from '../control/check.ts'
import { ConfigError, formatProblem, type ConfigProblem } from '../core/config-error.ts'
import { loadConfigFile } from '../core/config-file.ts'
import { callerLines, identityLines, passingLine, proofLine } from './cli-check-identity.ts'
import { quotaLine } from './cli-check-quotas.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'

/** What is known of one file; its report is missing when it has problems. */
interface FileReport {
  readonly file: string
  readonly ok: boolean
  readonly problems: readonly ConfigProblem[]
  readonly warnings: readonly ConfigProblem[]
  readonly node?: ConfigReport
}

async function checkFile(file: string): Promise<FileReport> {
  try {
    const { config, warnings } = await loadConfigFile(file)
    return { file, ok: true, problems: [], warnings, node: explainConfig(config) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { file, ok: false, problems: error.problems, warnings: [] }
  }
}

type Paint = (style: 'bold' | 'dim' | 'red' | 'yellow', text: string) => string

function offerLine(offer: OfferReport, width: number): string {
  const sources = offer.upstreams.map(({ label, kind, target }) => `${label} (${kind} ${target})`)
  const verb = offer.imported ? 'imported from' : 'from'
  return `    ${offer.namespace.padEnd(width)}  ${verb} ${sources.join(', ')}\n`
}

/** What of the tools is listed, where that is not all. */
function listingText({ tools }: EndpointReport): string {
  if (tools === 'all') return ''
  const listed = tools.listed.length === 0 ? '' : `, but ${tools.listed.join(', ')}`
  return `; tools are searched${listed}`
}

function endpointText(endpoint: EndpointReport, paint: Paint): string {
  const width = Math.max(0, ...endpoint.offers.map(({ namespace }) => namespace.length))
  const names = `names ${endpoint.names}, up to ${endpoint.nameLength} characters${listingText(endpoint)}`
  const offers = endpoint.offers.map((offer) => offerLine(offer, width))
  const { open } = endpoint.callers
  const callers = callerLines(endpoint.callers).map(
    (line) => `    ${open ? paint('yellow', line) : line}\n`,
  )
  const head = `  ${paint('bold', endpoint.url)}  ${paint('dim', names)}\n`
  const asking = endpoint.explainTo?.join(', ')
  const told =
    asking === undefined ? [] : [`    says why, of what it hides too, to nodes in: ${asking}\n`]
  return [head, ...callers, ...told, ...offers].join('')
}

function adminLine({ listen, keys, write }: AdminReport): string {
  const who = keys === undefined ? 'whoever reaches it' : `the keys of ${keys.join(', ')}`
  return `operators: at ${listen}, ${who}; ${write ? 'may reload and drain' : 'may only look'}`
}

function problemLines(report: FileReport, paint: Paint): string {
  const problems = report.problems.map((problem) => `${formatProblem(problem, report.file)}\n`)
  const warnings = report.warnings.map(
    (warning) => `${paint('yellow', 'warning')} ${formatProblem(warning, report.file)}\n`,
  )
  return [...problems, ...warnings].join('')
}

function printText(report: FileReport, { stdout, stderr, colour }: CommandContext): void {
  const paint: Paint = (style, text) =>
    colour ? styleText(style, text, { validateStream: false }) : text
  if (report.node !== undefined) {
    const { name, organisation, endpoints, upstreams, proofs, quotas, identity, admin } =
      report.node
    const title = `${paint('bold', name)} of ${organisation}`
    const body = endpoints.map((endpoint) => endpointText(endpoint, paint)).join('')
    const lines = [
      ...upstreams.map(passingLine),
      ...proofs.map(proofLine),
      ...quotas.map(quotaLine),
      ...identityLines(identity),
      ...(admin === undefined ? [] : [adminLine(admin)]),
    ]
    const rest = lines.map((line) => `  ${line}\n`).join('')
    stdout.write(`${report.file}: ok, node ${title}\n${body}${rest}`)
  }
  stderr.write(problemLines(report, paint))
}

/** `banyan check`: everything that can be said about configuration files without starting anything. */
export const checkCommand: Command = {
  name: 'check',
  summary: 'check configuration files and explain what they offer, without starting anything',
  usage: 'FILE... [--json]',
  options: { json: { type: 'boolean', summary: 'print one JSON document' } },
  async run(context) {
    if (context.args.length === 0) throw new UsageError('a file is missing')
    const files = await Promise.all(context.args.map(checkFile))
    const ok = files.every((report) => report.ok)
    if (context.options.has('json')) {
      context.stdout.write(`${JSON.stringify({ ok, files }, null, 2)}\n`)
    } else {
      for (const report of files) printText(report, context)
    }
    return ok ? EXIT.ok : EXIT.config
  },
}
