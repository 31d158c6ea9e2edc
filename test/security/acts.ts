// What happens in a world while somebody watches who may not see all of it.
import { plainPrompt, plainResource } from '../fixtures/fixture-offers.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import {
  callModern,
  streamModern,
  type RawStream,
  type ModernOptions,
} from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { isObject, objectAt, type JsonObject } from '../fixtures/wire.ts'
import { subscriberOf, urisAt } from '../mesh/subscriber.ts'
import { NODE } from './captures.ts'
import { bareText, PEOPLE, SECRET, type World } from './two-worlds.ts'

/** What the guest is told of; the list or the URI that changed. */
export type Told = 'tools' | 'static'

/** Things everybody may learn of happen in both worlds, and the others in the one that has secrets. */
export const ACTS = ['open tool', 'open touch', 'tool', 'prompt', 'touch', 'part', 'use'] as const
export type Act = (typeof ACTS)[number]

const PART = 'test://static/1/part'

/** Does it; gives what the guest is told of it. */
export async function perform(world: World, act: Act, count: number): Promise<Told | undefined> {
  const { open } = world
  if (act === 'open tool') {
    open.tools.add(plainTool(`open_${count}`))
    return 'tools'
  }
  if (act === 'open touch') {
    open.touch('test://static/1')
    return 'static'
  }
  if (!world.hasSecrets) return undefined
  if (act === 'tool') open.tools.add(plainTool(`hidden_${count}`))
  else if (act === 'prompt') open.prompts.add(plainPrompt(`hidden_${count}`))
  else if (act === 'touch') open.touch(SECRET)
  else if (act === 'part') {
    open.resources.add(plainResource(`${PART}/${count}`))
    open.emit({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: PART } })
  } else await useSecrets(world)
  return undefined
}

/** Somebody who may, uses what is hidden. */
async function useSecrets(world: World): Promise<void> {
  const headers = PEOPLE.headers('admin')
  const call = (name: string): Promise<unknown> =>
    callModern(world.url(), 'tools/call', { name, arguments: {} }, { headers })
  await Promise.all([call('fx__secret'), call('slow__log_some'), call('vault__greet')])
}

/** Everything the guest hears of: what streams of both eras tell, and one opened as a node. */
export class Watch {
  readonly #streams: readonly RawStream[]
  readonly #heard: readonly string[][]

  private constructor(streams: readonly RawStream[]) {
    this.#streams = streams
    this.#heard = streams.map(() => [])
    streams.forEach((stream, index) => void this.#read(stream, index))
  }

  static async open(world: World): Promise<Watch> {
    const options = { headers: PEOPLE.headers('guest') }
    const url = world.url()
    const shown = [...(await urisAt(url, options)).values()]
    const all = [...(await urisAt(url, { headers: PEOPLE.headers('admin') })).values()]
    const hidden = all.filter((uri) => uri.includes('/secret/'))
    const old = await subscriberOf('2025', url, [...shown, ...hidden], options)
    const modern = await Promise.all(
      [{}, NODE].map((capabilities) =>
        listenTo(url, [...shown, ...hidden], { ...options, capabilities }),
      ),
    )
    return new Watch([old.stream, ...modern])
  }

  /** What each stream has told so far. */
  get heard(): readonly (readonly string[])[] {
    return this.#heard
  }

  /** Waits until each stream has told so much. */
  async reach(count: number): Promise<void> {
    await until(() => this.#heard.every(({ length }) => length >= count), `${count} to be told`)
  }

  close(): void {
    for (const stream of this.#streams) stream.close()
  }

  async #read(stream: RawStream, index: number): Promise<void> {
    for (;;) {
      const message = await stream.next().catch(() => undefined)
      if (message === undefined) return
      this.#heard[index]?.push(summary(message))
    }
  }
}

function summary(message: JsonObject): string {
  const { uri = '' } = objectAt(message, 'params')
  return bareText(`${String(message['method'])} ${String(uri)}`.trim())
}

async function listenTo(
  url: string,
  uris: readonly string[],
  options: ModernOptions,
): Promise<RawStream> {
  const lists = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true }
  const notifications = { ...lists, resourceSubscriptions: uris }
  const stream = await streamModern(url, 'subscriptions/listen', { notifications }, options)
  const first = await stream.next()
  if (!isObject(first) || !String(first['method']).endsWith('acknowledged')) {
    throw new Error(`not acknowledged: ${JSON.stringify(first)}`)
  }
  return stream
}
