// Somebody of either era who wants to hear of resources.
import {
  callModern,
  legacySession,
  streamModern,
  type LegacyOptions,
  type RawReply,
  type RawStream,
} from '../fixtures/raw-client.ts'
import { objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged'
export const UPDATED = 'notifications/resources/updated'

/** What one caller subscribed to. */
export interface Subscriber {
  /** The URIs that were granted. */
  readonly granted: readonly string[]
  /** Where updates come; in era 2025 list changes come there too. */
  readonly stream: RawStream
  /** URI of the next update; undefined when the stream ends before there is one. */
  next(): Promise<string | undefined>
  /** Calls a tool, in era 2025 in the session that subscribed. */
  call(name: string, args?: JsonObject): Promise<RawReply>
  /** Wants to hear no more, and says so in the way of the era. */
  end(): Promise<void>
  /** Leaves without a word about what it subscribed to: hangs up, in era 2025 after ending the session. */
  leave(): Promise<void>
}

/** Subscribes to resources of an endpoint; in era 2026 by a listen with the id `my-listen`. */
export function subscriberOf(
  era: Era,
  url: string,
  uris: readonly string[],
  options: LegacyOptions = {},
): Promise<Subscriber> {
  return (era === '2026' ? modernSubscriber : legacySubscriber)(url, uris, options)
}

/** URIs that an endpoint shows, by the resource's `name`. */
export async function urisAt(
  url: string,
  options: LegacyOptions = {},
): Promise<Map<string, string>> {
  const session = await legacySession(url, options)
  const { result } = await session.call('resources/list')
  await session.delete()
  const listed = result['resources'] as JsonObject[]
  return new Map(listed.map(({ name, uri }) => [String(name), String(uri)]))
}

async function modernSubscriber(
  url: string,
  uris: readonly string[],
  { capabilities = {}, headers = {} }: LegacyOptions,
): Promise<Subscriber> {
  const notifications = { resourceSubscriptions: uris }
  const options = { capabilities, headers }
  const listen = { ...options, id: 'my-listen' }
  const stream = await streamModern(url, 'subscriptions/listen', { notifications }, listen)
  const first = await stream.next()
  if (first?.['method'] !== ACKNOWLEDGED) {
    throw new Error(`not acknowledged: ${JSON.stringify(first)}`)
  }
  const granted = objectAt(objectAt(first, 'params'), 'notifications')['resourceSubscriptions']
  const hangUp = (): Promise<void> => Promise.resolve(stream.close())
  return {
    granted: (granted ?? []) as string[],
    stream,
    next: () => nextUpdate(stream),
    call: (name, args = {}) => callModern(url, 'tools/call', { name, arguments: args }, options),
    end: hangUp,
    leave: hangUp,
  }
}

async function legacySubscriber(
  url: string,
  uris: readonly string[],
  options: LegacyOptions,
): Promise<Subscriber> {
  const session = await legacySession(url, options)
  const stream = await session.get()
  const answers = await Promise.all(uris.map((uri) => session.call('resources/subscribe', { uri })))
  const granted = uris.filter((_, index) => answers[index]?.answer['error'] === undefined)
  const leave = async (): Promise<void> => {
    await session.delete()
    stream.close()
  }
  return {
    granted,
    stream,
    next: () => nextUpdate(stream),
    call: (name, args = {}) => session.call('tools/call', { name, arguments: args }),
    end: async () => {
      for (const uri of granted) await session.call('resources/unsubscribe', { uri })
      await leave()
    },
    leave,
  }
}

async function nextUpdate(stream: RawStream): Promise<string | undefined> {
  for (;;) {
    const message = await stream.next()
    if (message === undefined) return undefined
    if (message['method'] === UPDATED) return String(objectAt(message, 'params')['uri'])
  }
}
