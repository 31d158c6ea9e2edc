// A stdio server of either era that does what well-behaved servers do not. The first argument is its era, the others
// are oddities of its start; the name of a called tool is what it does.
import { createInterface } from 'node:readline'
import { META, VERSION_2026, objectAt, type Id, type JsonObject } from '../../fixtures/wire.ts'

const [era = '2026', ...oddities] = process.argv.slice(2)
const received: JsonObject[] = []
let probe: Id | undefined
let asked: ((answer: JsonObject) => void) | undefined

function line(message: JsonObject): string {
  return `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`
}

function say(...messages: JsonObject[]): void {
  process.stdout.write(messages.map(line).join(''))
}

function answer(id: Id, text: string): JsonObject {
  return { id, result: { resultType: 'complete', content: [{ type: 'text', text }] } }
}

function progress(id: Id, done: number): JsonObject {
  return { method: 'notifications/progress', params: { progressToken: id, progress: done } }
}

const facts = { capabilities: { tools: { listChanged: true } }, serverInfo: { name: 'odd' } }

const tools: Record<string, (id: Id, args: JsonObject) => void> = {
  echo: (id, args) => say(answer(id, String(args['message']))),
  /** Notifications and answer in one write. */
  burst: (id) => say(progress(id, 1), progress(id, 2), answer(id, 'burst')),
  /** The answer byte by byte, so that characters and lines are cut anywhere; lines end as on Windows. */
  pieces: (id, args) => {
    const text = line(answer(id, String(args['message']))).replace('\n', '\r\n')
    const bytes = [...Buffer.from(text)]
    const next = (): void => {
      const byte = bytes.shift()
      if (byte === undefined) return
      process.stdout.write(Buffer.from([byte]))
      setImmediate(next)
    }
    next()
  },
  /** Everything on stdout that means nothing to anybody, then the answer. */
  noise: (id) => {
    process.stdout.write('\n{"id":1,"result":{}\nnot json\n[]\nnull\n{"jsonrpc":"2.0"}\n')
    say(
      { method: 'notifications/message', params: { level: 'info', data: 'of somebody' } },
      { method: 'notifications/progress', params: { progressToken: 999_999_999, progress: 1 } },
      { method: 'notifications/progress', params: { progressToken: String(id), progress: 1 } },
      { method: 'notifications/progress' },
      { method: 'notifications/prompts/list_changed' },
      { id: 999_999_999, result: {} },
      { id: String(id), result: {} },
      answer(id, 'heard'),
      answer(id, 'twice'),
    )
  },
  /** A batch, as a server of 2025-03-26 may send it. */
  batch: (id) => {
    process.stdout.write(`[${line(progress(id, 1)).trim()},${line(answer(id, 'batch')).trim()}]\n`)
  },
  /** Asks the client, and answers with what it said. */
  ask: (id, args) => {
    asked = (said) => say(answer(id, JSON.stringify(said)))
    say({ id: 'ask', method: String(args['method']) })
  },
  received: (id) => say(answer(id, JSON.stringify(received))),
  // oxlint-disable-next-line node/no-process-env -- to show it is what this tool is for
  environment: (id) => say(answer(id, JSON.stringify(process.env))),
  folder: (id) => say(answer(id, process.cwd())),
  pid: (id) => say(answer(id, String(process.pid))),
  mute: () => undefined,
  /** Its last words, an answer among them. */
  exit: (id, args) => {
    process.stderr.write('first words\nlast words')
    process.stdout.write(line(answer(id, 'bye')), () => {
      process.exitCode = Number(args['code'])
      input.close()
      process.stdin.destroy()
    })
  },
  /** Goes on running without stdout. */
  hangUp: () => {
    setInterval(() => undefined, 60_000)
    process.stdout.end()
  },
  /** Reads nothing any more. */
  deafen: (id) => {
    process.stdin.pause()
    say(answer(id, 'deaf'))
  },
  change: (id) => say({ method: 'notifications/tools/list_changed' }, answer(id, 'changed')),
  cancel: (id) => say({ method: 'notifications/cancelled', params: { requestId: id } }),
}

const methods: Record<string, (id: Id, params: JsonObject) => void> = {
  'server/discover': (id) => {
    if (oddities.includes('dies-of-probe')) process.exitCode = 1
    if (oddities.includes('dies-of-probe')) return process.stdin.destroy()
    if (oddities.includes('late-probe')) return void (probe = id)
    if (oddities.includes('nonsense-probe')) return say({ id, result: 'what?' })
    return discover(id)
  },
  initialize: (id) => {
    if (probe !== undefined) discover(probe)
    if (oddities.includes('asks-early')) say({ id: 'early', method: 'roots/list' })
    if (era === '2025') {
      return say({ id, result: { protocolVersion: '2025-03-26', ...facts } })
    }
    const data = { supported: [VERSION_2026] }
    return say({ id, error: { code: -32_022, message: 'Unsupported protocol version', data } })
  },
  'notifications/initialized': () => {
    if (oddities.includes('asks-at-once')) say({ id: 'at once', method: 'roots/list' })
  },
  'subscriptions/listen': (id) => {
    const meta = { [META.subscriptionId]: id }
    const params = { notifications: { toolsListChanged: true }, _meta: meta }
    say({ method: 'notifications/subscriptions/acknowledged', params })
    // A listen that never lasts.
    if (oddities.includes('ends-listens')) say({ id, result: { _meta: meta } })
    if (oddities.includes('cancels-listens')) {
      say({ method: 'notifications/cancelled', params: { requestId: id } })
    }
  },
  'tools/call': (id, params) => tools[String(params['name'])]?.(id, objectAt(params, 'arguments')),
}

function discover(id: Id): void {
  if (era === '2025') return say({ id, error: { code: -32_601, message: 'Method not found' } })
  const meta = { [META.serverInfo]: facts.serverInfo }
  return say({ id, result: { supportedVersions: [VERSION_2026], ...facts, _meta: meta } })
}

const input = createInterface({ input: process.stdin }).on('line', (text) => {
  const message = JSON.parse(text) as JsonObject
  received.push(message)
  const { id, method } = message
  if (typeof method === 'string') methods[method]?.(id as Id, objectAt(message, 'params'))
  else asked?.(message)
})
