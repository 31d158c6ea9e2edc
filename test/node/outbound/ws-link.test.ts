// Both ends of a link, with credentials, other talk, and an end that breaks its word.
import { afterEach, describe, expect, test } from 'vitest'
import type { Authenticator } from '../../../node/core/authentication.ts'
import type { Authorization, Refusal } from '../../../node/core/delegation.ts'
import type { MeshEnds, MeshWire } from '../../../node/core/mesh-ends.ts'
import { LOCAL_CALLER } from '../../../node/core/principal.ts'
import type { LinkCall } from '../../../node/inbound/link-call.ts'
import type { NodeConnectorOptions } from '../../../node/outbound/node-connector.ts'
import { Fault } from '../../../protocol/errors.ts'
import { FEDERATION } from '../../../protocol/federation.ts'
import { EventRecorder, Recorder } from '../../contract/recorder.ts'
import { LinkHost, linkConnector, linkIdentity } from '../../contract/link-upstream.ts'
import { ownFrame } from '../../../node/outbound/ask.ts'
import { until } from '../../fixtures/wait.ts'

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const identity = linkIdentity('host')

/** Answers a discovery as a node, and says to everything else who asked. */
function answering(federation: object = identity.federation): (call: LinkCall) => void {
  return ({ frame, principal, reply, scope }) => {
    const { id, method } = JSON.parse(frame.body.text.toString()) as { id: number; method: string }
    const capabilities = { extensions: { [FEDERATION]: federation } }
    const result = method === 'server/discover' ? { capabilities } : { who: principal.subject }
    scope.finish()
    reply.finish([Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result }))])
  }
}

/** Takes tokens by name, and none that is revoked. */
class Door implements Pick<Authenticator, 'authenticate' | 'stand' | 'challenge'> {
  readonly revoked = new Set<string>()
  presented = 0

  authenticate = (): never => {
    throw new Error('not over HTTP')
  }

  stand: Authenticator['stand'] = ({ header }) => {
    this.presented += 1
    const [token = ''] = header('authorization')
    const principal = (): typeof LOCAL_CALLER => {
      if (token === '' || this.revoked.has(token)) throw new Fault('unauthenticated', 'no')
      return { ...LOCAL_CALLER, subject: token }
    }
    principal()
    return { principal }
  }

  challenge = (): readonly string[] => ['www-authenticate', 'Bearer']
}

/** Shows one token after the other. */
class Purse implements Authorization {
  readonly refusals: Refusal[] = []
  #token: { readonly name: string }
  readonly #tokens: string[]

  constructor(...tokens: string[]) {
    this.#tokens = tokens
    this.#token = { name: tokens.shift() ?? '' }
  }

  stamp(): object {
    return this.#token
  }

  lines(): readonly string[] {
    return ['authorization', this.#token.name]
  }

  refused(refusal: Refusal): boolean {
    this.refusals.push(refusal)
    const next = this.#tokens.shift()
    if (next === undefined) return false
    this.#token = { name: next }
    return true
  }
}

async function pair(
  parts: Partial<ConstructorParameters<typeof LinkHost>[1]>,
  options: Partial<NodeConnectorOptions> = {},
): Promise<{
  host: LinkHost
  connect: () => ReturnType<ReturnType<typeof linkConnector>['connect']>
}> {
  const host = await new LinkHost(identity, { serve: answering(), ...parts }).start()
  const connector = linkConnector(host.url, options)
  cleanups.push(() => host.close())
  cleanups.push(() => connector.close())
  return { host, connect: () => connector.connect(new EventRecorder(), '') }
}

async function whoAsks(
  connection: Awaited<ReturnType<ReturnType<typeof linkConnector>['connect']>>,
  authorization?: Authorization,
): Promise<unknown> {
  const sink = new Recorder()
  connection.send({ ...ownFrame('tools/list', {}, ''), authorization }, sink)
  await sink.ended
  const [ending] = sink.endings
  if (ending !== undefined && 'fault' in ending) return ending.fault.data?.['status']
  return ((await sink.answer())['result'] as { who?: unknown }).who
}

describe('credentials on a link', () => {
  test('are presented once each, and never taken for each other', async () => {
    const door = new Door()
    const { connect } = await pair({ authenticator: door }, { authorization: new Purse('own') })
    const connection = await connect()
    const [ann, bob] = [new Purse('ann'), new Purse('bob')]
    const asked = [ann, bob, undefined, ann, bob, ann].map((who) => whoAsks(connection, who))
    expect(await Promise.all(asked)).toEqual(['ann', 'bob', 'own', 'ann', 'bob', 'ann'])
    expect(door.presented).toBe(3)
  })

  test('that are not taken any more are presented anew once, and then another is got', async () => {
    const door = new Door()
    const { connect } = await pair({ authenticator: door }, { authorization: new Purse('own') })
    const connection = await connect()
    const ann = new Purse('old', 'new')
    expect(await whoAsks(connection, ann)).toBe('old')
    door.revoked.add('old')
    expect(await whoAsks(connection, ann)).toBe('new')
    expect(ann.refusals).toEqual([{ status: 401, challenges: 'Bearer' }])
    door.revoked.add('new')
    expect(await whoAsks(connection, ann)).toBe(401)
    expect(await whoAsks(connection, new Purse('bob'))).toBe('bob')
  })

  test('that nobody takes end one call, and not the link', async () => {
    const door = new Door()
    door.revoked.add('bad')
    const { connect, host } = await pair(
      { authenticator: door },
      { authorization: new Purse('own') },
    )
    const connection = await connect()
    expect(await whoAsks(connection, new Purse('bad'))).toBe(401)
    expect(await whoAsks(connection)).toBe('own')
    expect(host.links.size).toBe(1)
  })
})

describe('the other end', () => {
  test('must be the node its discovery names', async () => {
    const other = linkIdentity('other').federation
    const { connect } = await pair({ serve: answering(other) }, { link: 'auto' })
    await expect(connect()).rejects.toMatchObject({ code: 'upstream_protocol' })
  })

  test('that does not hold its key gets no call, and is not reached over HTTP instead', async () => {
    const liar = { federation: identity.federation, key: linkIdentity('liar').key }
    const { connect } = await pair({ identity: liar }, { link: 'auto' })
    const message = 'the upstream did not prove which node it is'
    await expect(connect()).rejects.toMatchObject({ code: 'upstream_protocol', message })
  })
})

describe('what nodes tell each other besides calls', () => {
  /** Keeps what is heard, and the wire to answer on. */
  class Ends implements MeshEnds {
    readonly heard: string[] = []
    wire: MeshWire | undefined

    up(label: string, wire: MeshWire): ReturnType<MeshEnds['up']> {
      return this.#take(`up ${label} ${wire.peer.name}`, wire)
    }

    down(
      endpoint: string,
      { subject }: { subject: string },
      wire: MeshWire,
    ): ReturnType<MeshEnds['down']> {
      return this.#take(`down ${endpoint} ${subject} ${wire.peer.name}`, wire)
    }

    #take(what: string, wire: MeshWire): ReturnType<MeshEnds['up']> {
      this.wire = wire
      this.heard.push(what)
      return { message: (text) => this.heard.push(text), closed: () => this.heard.push('closed') }
    }
  }

  test('goes both ways in order, by ends that have proved who they are, until the link is gone', async () => {
    const [below, above] = [new Ends(), new Ends()]
    const { connect } = await pair({ mesh: above }, { mesh: below })
    const connection = await connect()
    for (const text of ['1', '{"grüße":"☃"}']) below.wire?.send(text)
    above.wire?.send('3')
    await until(() => above.heard.length === 3 && below.heard.length === 2, 'the talk')
    await connection.close()
    await until(() => above.heard.includes('closed'), 'the end')
    expect(above.heard).toEqual(['down main local contract', '1', '{"grüße":"☃"}', 'closed'])
    expect(below.heard).toEqual(['up up host', '3', 'closed'])
  })
})
