import { lineHash } from '../core/audit-chain.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { count, painter } from './cli-nodes.ts'
import { readTraceFiles, type TraceEntry } from './trace-files.ts'
import { tellStories, type Found } from './trace-story.ts'
import { looseText, storyText } from './trace-text.ts'
import { verifyChains, type ChainReport } from './trace-verify.ts'

function chainText({ node, lines, chains, from, to, head, isCut, breaks }: ChainReport): string {
  const many = chains > 1 ? ` in ${chains} chains` : ''
  const cut = isCut ? ', earlier lines are not here' : ''
  const state = breaks.length === 0 ? 'whole' : 'BROKEN'
  return `${node}: ${state}, ${count(lines, 'line')}${many} from ${from} to ${to}${cut}\n  head ${head}\n`
}

function verify(
  entries: readonly TraceEntry[],
  { options, stdout, stderr }: CommandContext,
): boolean {
  const reports = verifyChains(entries)
  if (options.has('json')) stdout.write(`${JSON.stringify(reports, undefined, 2)}\n`)
  else {
    for (const report of reports) {
      stdout.write(chainText(report))
      for (const { file, number, message } of report.breaks) {
        stdout.write(`  ${file}:${number}: ${message}\n`)
      }
    }
  }
  if (reports.length === 0) stderr.write('there is no line of an audit in these files\n')
  return reports.length > 0 && reports.every(({ breaks }) => breaks.length === 0)
}

function hasHeads(entries: readonly TraceEntry[], { options, stderr }: CommandContext): boolean {
  const heads = options.texts('head')
  if (heads.length === 0) return true
  const hashes = new Set(entries.map(({ text }) => lineHash(text)))
  const missing = heads.filter((head) => !hashes.has(head))
  for (const head of missing) stderr.write(`the line of head ${head} is not there any more\n`)
  return missing.length === 0
}

function find(entries: readonly TraceEntry[], { options }: CommandContext): Found {
  const [txn, trace, jti] = ['txn', 'trace-id', 'jti'].map((name) => options.text(name))
  const lines = entries.map(({ line }) => line)
  const found = tellStories(lines, { txn, trace: trace?.toLowerCase(), jti })
  const isOne = options.has('last') || (txn ?? trace ?? jti) === undefined
  return isOne ? { stories: found.stories.slice(-1), loose: [] } : found
}

function tell(found: Found, { options, stdout, colour }: CommandContext): boolean {
  const { stories, loose } = found
  const paint = painter(colour)
  if (options.has('json')) stdout.write(`${JSON.stringify(found, undefined, 2)}\n`)
  else {
    const texts = [...stories.map((story) => storyText(story, paint)), looseText(loose, paint)]
    stdout.write(texts.filter((text) => text !== '').join('\n'))
  }
  return stories.length > 0 || loose.length > 0
}

/** `banyan trace`: what became of a call, told from the audit of the nodes it passed. */
export const traceCommand: Command = {
  name: 'trace',
  summary:
    'tell what became of a call, from audit files and logs of all the nodes it passed; 1 when nothing is found or a chain is broken',
  usage:
    '[--txn T] [--trace-id T] [--jti J] [--last] [--json] FILE... | --verify [--head HASH]... [--json] FILE...',
  options: {
    txn: { type: 'string', value: 'T', summary: 'calls of the delegation of this name' },
    'trace-id': {
      type: 'string',
      value: 'T',
      summary: 'calls of this W3C trace, 32 hexadecimal digits',
    },
    jti: { type: 'string', value: 'J', summary: 'calls that came or went with this token' },
    last: { type: 'boolean', summary: 'only the last of them; without any of these, of all' },
    verify: {
      type: 'boolean',
      summary: 'check that no line was changed, removed or put in between instead',
    },
    head: {
      type: 'string',
      value: 'HASH',
      multiple: true,
      summary:
        'a head that --verify gave before: its line must be there still, so that no end was cut off',
    },
    json: { type: 'boolean', summary: 'print one JSON document' },
  },
  async run(context) {
    const { args, options, stderr } = context
    if (args.length === 0) throw new UsageError('a file is missing')
    const { entries, problems } = await readTraceFiles(args)
    for (const { file, number, message } of problems) {
      stderr.write(`${file}:${number}: ${message}\n`)
    }
    if (options.has('verify')) {
      const isWhole = verify(entries, context) && hasHeads(entries, context)
      return isWhole && problems.length === 0 ? EXIT.ok : EXIT.failed
    }
    if (options.has('head')) throw new UsageError('--head goes with --verify')
    if (tell(find(entries, context), context)) return EXIT.ok
    stderr.write('no such call is in these files\n')
    return EXIT.failed
  },
}
