// Every kind of exchange, brought to its middle: there the test strikes.
import { until } from '../fixtures/wait.ts'
import { objectAt, type Era, type Id, type JsonObject } from '../fixtures/wire.ts'
import { urisAt } from '../mesh/subscriber.ts'
import { GATED, GATED_TASK, GATED_URI } from './gated.ts'
import type { ChaosUpstream, Kind } from './upstreams.ts'
import type { Visit, Visitor } from './visitor.ts'

/** Who talks to whom. */
export interface Scene {
  readonly upstream: ChaosUpstream
  /** The endpoint of the outermost node. */
  readonly url: string
  readonly visitor: Visitor
}

/** What the caller does after the strike; resolves with all answers to its request. */
export type Finish = () => Promise<JsonObject[]>

/** One kind of exchange. */
export interface Exchange {
  readonly name: string
  /** Eras of callers that have such a thing with an upstream of that kind. */
  readonly callers: (kind: Kind) => readonly Era[]
  /** What is counted at the upstream, as `begun` has it. */
  readonly counted: string
  /** True when the upstream has nothing of it in hand at the time of the strike, so that it may go well after all. */
  readonly between?: (kind: Kind) => boolean
  /** Resolves when the exchange is in its middle. */
  begin(scene: Scene): Promise<Finish>
}

const BOTH: readonly Era[] = ['2025', '2026']
/** What is asked, by the tool that asks it, and what the caller says to it. */
const ANSWERS: Readonly<Record<string, { method: string; answer: JsonObject }>> = {
  ask_form: {
    method: 'elicitation/create',
    answer: { action: 'accept', content: { name: 'Ada' } },
  },
  ask_url: { method: 'elicitation/create', answer: { action: 'accept' } },
  ask_sampling: {
    method: 'sampling/createMessage',
    answer: { role: 'assistant', model: 'm', content: { type: 'text', text: 'word' } },
  },
  ask_roots: { method: 'roots/list', answer: { roots: [{ uri: 'file:///srv' }] } },
}

function questionOf(tool: string): { method: string; answer: JsonObject } {
  const found = ANSWERS[tool]
  if (found === undefined) throw new Error(`${tool} asks nothing`)
  return found
}

/** A request that waits at the upstream, and for which nothing has been said yet. */
function plain(
  name: string,
  counted: string,
  send: (scene: Scene) => Visit | Promise<Visit>,
): Exchange {
  return {
    name,
    callers: () => BOTH,
    counted,
    async begin(scene) {
      const visit = await send(scene)
      await until(() => visit.isOver || scene.upstream.begun(counted) === 1, `${name} upstream`)
      if (visit.isOver) throw new Error(`too soon: ${JSON.stringify(await visit.answers())}`)
      return () => visit.answers()
    },
  }
}

async function readGated({ visitor, url }: Scene): Promise<Visit> {
  const uri = await until(async () => (await urisAt(url)).get(GATED), 'the resource to be listed')
  return visitor.send('resources/read', { uri })
}

/** Resolves with the name of the prompt: each list is fetched by itself, and calls of tools wait for that of tools only. */
async function promptOf(visitor: Visitor): Promise<string> {
  const name = `fx__${GATED}`
  const isListed = async (): Promise<boolean> =>
    JSON.stringify(await visitor.send('prompts/list', {}).answers()).includes(`"${name}"`)
  await until(isListed, 'the prompt to be listed')
  return name
}

async function getPrompt({ visitor }: Scene): Promise<Visit> {
  return visitor.send('prompts/get', { name: await promptOf(visitor), arguments: {} })
}

async function completion({ visitor }: Scene): Promise<Visit> {
  const ref = { type: 'ref/prompt', name: await promptOf(visitor) }
  return visitor.send('completion/complete', { ref, argument: { name: 'word', value: '' } })
}

const withProgress: Exchange = {
  name: 'a call with progress',
  callers: () => BOTH,
  counted: GATED,
  async begin({ visitor }) {
    const visit = visitor.call(GATED, {}, 'token')
    expectMethod(await visit.next(), 'notifications/progress')
    return () => visit.answers()
  },
}

/** In era 2025 a call of the upstream is open as long as the question; in era 2026 there is none. */
const question = (tool: string): Exchange => ({
  name: `a question open at a caller of 2025 (${tool})`,
  callers: () => ['2025'],
  counted: tool,
  between: ({ era }) => era === '2026',
  async begin({ visitor }) {
    const { method, answer } = questionOf(tool)
    const visit = visitor.call(tool)
    const first = await visit.next()
    expectMethod(first, method)
    return async () => {
      // A server that has forgotten the question may put it again.
      for (
        let asked: JsonObject | undefined = first;
        asked?.['method'] !== undefined;
        asked = await visit.nextOrEnd()
      ) {
        const status = await visitor.answer(asked['id'] as Id, answer)
        if (status !== 202) throw new Error(`the answer was refused: ${status}`)
      }
      return visit.answers()
    }
  },
})

/** What a caller of 2026 sends after a result that asks for input; undefined when it does not ask. */
export function retryParams(
  answered: JsonObject | undefined,
  tool: string = 'ask_form',
): JsonObject | undefined {
  const { inputRequests, requestState } = objectAt(answered, 'result')
  const [key] = Object.keys(objectAt({ inputRequests }, 'inputRequests'))
  if (key === undefined) return undefined
  const state = requestState === undefined ? {} : { requestState }
  return { ...state, inputResponses: { [key]: questionOf(tool).answer } }
}

/** Parked where the upstream is of 2025; in 2026 the upstream has answered. */
const rounds = (tool: string): Exchange => ({
  name: `two rounds of a caller of 2026 (${tool})`,
  callers: () => ['2026'],
  counted: tool,
  between: ({ era }) => era === '2026',
  async begin({ visitor }) {
    const call = { name: `fx__${tool}`, arguments: {} }
    const retry = (): JsonObject | undefined => retryParams(answers[0], tool)
    let answers = await visitor.send('tools/call', call).answers()
    if (retry() === undefined) {
      throw new Error(`not asked: ${JSON.stringify(answers)}`)
    }
    return async () => {
      for (let next = retry(); next !== undefined; next = retry()) {
        answers = await visitor.send('tools/call', { ...call, ...next }).answers()
      }
      return answers
    }
  },
})

/** Each era has tasks of its own, which stay within it. */
const within =
  (...eras: Era[]): Exchange['callers'] =>
  ({ era }) =>
    eras.filter((one) => one === era)

function callForTask(visitor: Visitor, args: JsonObject = {}): Visit {
  return visitor.call(GATED_TASK, args, undefined, visitor.era === '2025' ? { task: {} } : {})
}

/** What is asked about a task that runs, and not answered yet. */
const ofTask = (method: string, ...eras: Era[]): Exchange => ({
  ...plain(`${method} of a task`, method, async ({ visitor }) => {
    const result = objectAt((await callForTask(visitor).answers())[0], 'result')
    const { taskId } = visitor.era === '2025' ? objectAt(result, 'task') : result
    if (typeof taskId !== 'string') throw new Error(`no task: ${JSON.stringify(result)}`)
    return visitor.send(method, { taskId })
  }),
  callers: within(...eras),
})

/** The caller's stream breaks off before the strike, and it comes back after it. */
const cutCaller: Exchange = {
  name: 'a caller of 2025 whose stream broke off',
  callers: () => ['2025'],
  counted: GATED,
  async begin({ visitor }) {
    const visit = visitor.call(GATED, {}, 'token')
    expectMethod(await visit.next(), 'notifications/progress')
    const { lastEventId } = visit
    visit.close()
    return () => {
      visitor.comeBack(visit, lastEventId ?? '')
      return visit.answers()
    }
  },
}

/** The upstream's stream broke off, and the node has come back to it. A pipe has no streams that could break by themselves. */
const cutUpstream: Exchange = {
  name: 'a stream of the upstream that was cut and resumed',
  callers: ({ transport, era }) => (transport === 'http' && era === '2025' ? BOTH : []),
  counted: GATED,
  async begin({ visitor, upstream: { fixture } }) {
    if (fixture === undefined) throw new Error('a pipe cannot be resumed')
    Object.assign(fixture.settings, { resumable: true, cutAfter: 1 })
    const visit = visitor.call(GATED, {}, 'token')
    expectMethod(await visit.next(), 'notifications/progress')
    const resumed = (): boolean =>
      fixture.received('GET').some(({ headers }) => 'last-event-id' in headers)
    await until(resumed, 'the node to come back')
    return () => visit.answers()
  },
}

/** All that end with one answer. */
export const EXCHANGES: readonly Exchange[] = [
  plain('a call', 'slow', ({ visitor }) => visitor.call('slow')),
  withProgress,
  plain('a prompt', `prompt:${GATED}`, getPrompt),
  plain('a resource', GATED_URI, readGated),
  plain('a completion', 'completion/complete', completion),
  ...Object.keys(ANSWERS).flatMap((tool) => [question(tool), rounds(tool)]),
  {
    ...plain('a task that is being made', GATED_TASK, ({ visitor }) =>
      callForTask(visitor, { wait: true }),
    ),
    callers: within(...BOTH),
  },
  ofTask('tasks/get', '2026'),
  ofTask('tasks/result', '2025'),
  ofTask('tasks/cancel', ...BOTH),
  cutCaller,
  cutUpstream,
]

function expectMethod(message: JsonObject, method: string): void {
  if (message['method'] !== method) throw new Error(`no ${method}: ${JSON.stringify(message)}`)
}
