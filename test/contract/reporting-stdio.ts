// A stdio server of either era that does nothing but tell of changes. Arguments: its era, and its capabilities as JSON.
// The name of a called tool is what it does.
import { createInterface } from 'node:readline'
import { META, VERSION_2026, objectAt, type Id, type JsonObject } from '../fixtures/wire.ts'
import { Reports } from './reports.ts'

const [era = '2026', capabilities = '{}'] = process.argv.slice(2)
const reports = new Reports()
const answers: JsonObject[] = []
const facts = {
  capabilities: JSON.parse(capabilities) as JsonObject,
  serverInfo: { name: 'reporting' },
}

function say(message: JsonObject): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
}

function answer(id: Id, value: unknown): void {
  const content = [{ type: 'text', text: JSON.stringify(value) }]
  say({ id, result: { resultType: 'complete', content } })
}

/** In era 2026 whatever is told belongs to a listen. */
function emit(method: string, params: JsonObject): void {
  if (era === '2025') return say({ method, params })
  for (const id of reports.listens) {
    say({ method, params: { ...params, _meta: { [META.subscriptionId]: id } } })
  }
}

const tools: Record<string, (id: Id, args: JsonObject) => void> = {
  state: (id) => answer(id, reports.state),
  emit: (id, args) => {
    emit(String(args['method']), objectAt(args, 'params'))
    answer(id, 'told')
  },
  /** Sends a message that belongs to nothing. */
  say: (id, args) => {
    say(objectAt(args, 'message'))
    answer(id, 'said')
  },
  answers: (id) => answer(id, answers),
  endListens: (id) => {
    for (const listen of reports.listens) {
      reports.endListen(listen)
      say({ id: listen, result: { resultType: 'complete' } })
    }
    answer(id, 'ended')
  },
}

const shared: Record<string, (id: Id, params: JsonObject) => void> = {
  'tools/call': (id, params) => tools[String(params['name'])]?.(id, objectAt(params, 'arguments')),
}

const methods2025: typeof shared = {
  ...shared,
  initialize: (id) => say({ id, result: { protocolVersion: '2025-11-25', ...facts } }),
  'resources/subscribe': (id, { uri }) => {
    const granted = reports.subscribe(String(uri))
    say(granted ? { id, result: {} } : { id, error: { code: -32_602, message: 'no' } })
  },
  'resources/unsubscribe': (id, { uri }) => {
    reports.unsubscribe(String(uri))
    say({ id, result: {} })
  },
  'logging/setLevel': (id, { level }) => {
    reports.setLevel(String(level))
    say({ id, result: {} })
  },
}

const methods2026: typeof shared = {
  ...shared,
  'server/discover': (id) => {
    const meta = { [META.serverInfo]: facts.serverInfo }
    say({ id, result: { supportedVersions: [VERSION_2026], ...facts, _meta: meta } })
  },
  'subscriptions/listen': (id, params) => {
    const meta = { [META.subscriptionId]: id }
    const notifications = reports.listen(id, params)
    const method = 'notifications/subscriptions/acknowledged'
    say({ method, params: { notifications, _meta: meta } })
  },
}

const methods = era === '2025' ? methods2025 : methods2026

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line) as JsonObject
  const { id, method } = message
  const params = objectAt(message, 'params')
  if (typeof method !== 'string') answers.push(message)
  else if (method === 'notifications/cancelled') reports.endListen(params['requestId'] as Id)
  else if (id !== undefined) {
    const handler = methods[method]
    const unknown = { id, error: { code: -32_601, message: 'Method not found' } }
    if (handler === undefined) say(unknown)
    else handler(id as Id, params)
  }
})
