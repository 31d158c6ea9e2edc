// Subscriptions at a stdio server of 2025 where callers have processes of their own: each hears of what happens in its own.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LegacyOptions } from '../fixtures/raw-client.ts'
import { stdioCommand } from '../fixtures/stdio-command.ts'
import { until } from '../fixtures/wait.ts'
import type { Era, JsonObject } from '../fixtures/wire.ts'
import { textOf } from './caller.ts'
import { Keyholders } from './keyholders.ts'
import { Mesh, type NodePlan } from './mesh.ts'
import { subscriberOf, UPDATED, urisAt, type Subscriber } from './subscriber.ts'

const ONE = 'test://static/1'
const people = new Keyholders('ada', 'bob')

const mesh = new Mesh()
const subscribers: Subscriber[] = []
let folder: string
let dump: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-processes-'))
  dump = join(folder, 'lines')
})
afterEach(async () => {
  for (const { stream } of subscribers.splice(0)) stream.close()
  await mesh.close()
  await rm(folder, { recursive: true })
})

/** How many requests of a method all processes got. */
async function received(method: string): Promise<number> {
  const lines = (await readFile(dump, 'utf8')).trim().split('\n')
  return lines.filter((line) => (JSON.parse(line) as JsonObject)['method'] === method).length
}

/** The URL of a node in front of the server. */
async function front(upstream: object, more: NodePlan = {}): Promise<string> {
  const stdio = { ...stdioCommand({ era: '2025', dump }), restart: { min: '20ms', max: '100ms' } }
  const node = await mesh.ready('front', {
    upstreams: { fixture: { stdio, ...upstream } },
    namespaces: { fx: { from: ['fixture'] } },
    ...more,
  })
  return node.endpointUrl('main')
}

async function subscribe(era: Era, url: string, options: LegacyOptions = {}): Promise<Subscriber> {
  const uri = (await urisAt(url, options)).get('static 1') ?? 'not listed'
  const subscriber = await subscriberOf(era, url, [uri], options)
  expect(subscriber.granted).toEqual([uri])
  subscribers.push(subscriber)
  return subscriber
}

function touch(subscriber: Subscriber): Promise<unknown> {
  return subscriber.call('fx__touch', { uri: ONE })
}

async function pidOf(subscriber: Subscriber): Promise<number> {
  return Number(textOf(await subscriber.call('fx__pid')))
}

function updatesOf({ stream }: Subscriber): number {
  return stream.raw.split(UPDATED).length - 1
}

/** An endpoint that two people have keys for. */
const BY_KEY: NodePlan = { endpoints: { main: { namespaces: ['*'], auth: people.auth() } } }

function as(name: string): LegacyOptions {
  return { headers: people.headers(name) }
}

type Pair = readonly [ada: Subscriber, bob: Subscriber]

const PAIRS: readonly (readonly [string, () => Promise<Pair>])[] = [
  [
    'each session',
    async () => {
      const url = await front({ isolate: 'session' })
      return [await subscribe('2025', url), await subscribe('2025', url)]
    },
  ],
  [
    'each principal, of era 2025',
    async () => {
      const url = await front({}, BY_KEY)
      return [await subscribe('2025', url, as('ada')), await subscribe('2025', url, as('bob'))]
    },
  ],
  [
    'each principal, of era 2026',
    async () => {
      const url = await front({}, BY_KEY)
      return [await subscribe('2026', url, as('ada')), await subscribe('2026', url, as('bob'))]
    },
  ],
]

describe.each(PAIRS)('where %s has a process of its own', (_what, enter) => {
  test('row 39: who changes something hears of it, and nobody else', async () => {
    const [ada, bob] = await enter()
    expect(await pidOf(ada)).not.toBe(await pidOf(bob))
    await touch(bob)
    expect(await bob.next()).toBe(bob.granted[0])
    await touch(ada)
    expect(await ada.next()).toBe(ada.granted[0])
    await touch(bob)
    expect(await bob.next()).toBe(bob.granted[0])
    // What was told before would have come before.
    expect([updatesOf(ada), updatesOf(bob)]).toEqual([1, 2])
  })

  test('row 40: a process that is started again is subscribed in, and told as a change to its people alone', async () => {
    const [ada, bob] = await enter()
    const first = await pidOf(bob)
    await pidOf(ada)
    expect((await bob.call('fx__crash')).error).toBeDefined()
    expect(await pidOf(bob)).not.toBe(first)
    expect(await bob.next()).toBe(bob.granted[0])
    await touch(bob)
    expect(await bob.next()).toBe(bob.granted[0])
    await touch(ada)
    expect(await ada.next()).toBe(ada.granted[0])
    expect([updatesOf(ada), updatesOf(bob)]).toEqual([1, 2])
  })
})

test('row 41: callers who share a process share its subscription, freed by the last to leave', async () => {
  const url = await front({}, BY_KEY)
  const [one, two] = [
    await subscribe('2025', url, as('ada')),
    await subscribe('2025', url, as('ada')),
  ]
  await touch(one)
  expect([await one.next(), await two.next()]).toEqual([one.granted[0], two.granted[0]])
  // In the node's process, and in theirs.
  expect(await received('resources/subscribe')).toBe(2)
  await one.end()
  await touch(two)
  expect(await two.next()).toBe(two.granted[0])
  expect(await received('resources/unsubscribe')).toBe(0)
  await two.leave()
  await until(async () => (await received('resources/unsubscribe')) === 2, 'the end in both')
})

test('row 41: who can be asked and who cannot share without it, and who leaves takes nothing away', async () => {
  const url = await front({})
  const form: LegacyOptions = { capabilities: { elicitation: {} } }
  const plain = await subscribe('2025', url)
  const asked = await subscribe('2025', url, form)
  // The node goes over to the process of the one that can be asked.
  expect(await pidOf(asked)).not.toBe(await pidOf(plain))
  expect([await plain.next(), await asked.next()]).toEqual([plain.granted[0], asked.granted[0]])
  await touch(plain)
  expect(await plain.next()).toBe(plain.granted[0])
  await asked.leave()
  await touch(plain)
  expect(await plain.next()).toBe(plain.granted[0])
  await plain.end()
  await until(async () => (await received('resources/unsubscribe')) === 2, 'the end in both')
})

test('the end of a session ends its process, and takes nothing from another', async () => {
  const url = await front({ isolate: 'session' })
  const [ada, bob] = [await subscribe('2025', url), await subscribe('2025', url)]
  const pid = await pidOf(ada)
  await pidOf(bob)
  await ada.leave()
  await until(() => !isRunning(pid), 'the end of the process')
  await touch(bob)
  expect(await bob.next()).toBe(bob.granted[0])
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
