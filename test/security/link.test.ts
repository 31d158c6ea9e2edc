// Attacks on the link between nodes, against a whole node.
import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FEDERATION } from '../../protocol/federation.ts'
import { Body } from '../../protocol/link/body.ts'
import { encodeFrame } from '../../protocol/link/encode.ts'
import type { LinkFrame } from '../../protocol/link/frames.ts'
import { linkIdentity } from '../contract/link-upstream.ts'
import { RawLink, type RawLinkPlan, type Refused } from '../fixtures/raw-link.ts'
import { until } from '../fixtures/wait.ts'
import { Stage } from './stage.ts'

let stage: Stage
const links: RawLink[] = []

beforeEach(async () => {
  stage = await Stage.start({ limits: { linkCalls: 16, linkCredentials: 16, links: 3 } })
})

afterEach(async () => {
  for (const link of links.splice(0)) link.close()
  await stage.close()
})

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

async function open(plan: RawLinkPlan = {}, url = stage.url): Promise<RawLink> {
  const link = await RawLink.connect(url, { headers: bearer(stage.token()), ...plan })
  links.push(link)
  return link
}

async function refusal(plan: RawLinkPlan): Promise<Refused> {
  const opened = await RawLink.open(stage.url, plan)
  if (!(opened instanceof RawLink)) return opened
  links.push(opened)
  return { status: 101, headers: {} }
}

/** The code a link is closed with. */
async function closeOf(link: RawLink): Promise<number | undefined> {
  await until(() => link.closed !== undefined, 'the end of the link')
  return link.closed
}

/** That nothing an attack sent went upstream. */
function expectQuiet(): void {
  expect(stage.upstreamTraffic.filter((body) => body.includes('tools/call'))).toEqual([])
}

test('a link that is as it should be is served', async () => {
  const link = await open()
  const { text } = await link.ending(link.call('fx__echo', { args: { message: 'x' } }))
  expect(JSON.parse(text)).toMatchObject({ id: 1, result: { resultType: 'complete' } })
})

describe('opening', () => {
  test('without a credential is refused as over HTTP, with the challenge', async () => {
    const { status, headers } = await refusal({})
    expect(status).toBe(401)
    expect(headers['www-authenticate']).toContain(stage.metadataUrl())
  })

  test.each([
    ['an expired token', () => stage.token({ iat: stage.now - 500, exp: stage.now - 300 })],
    ['a token for a sibling', () => stage.token({ aud: `${stage.node.url}/mcp/sibling` })],
    ['a token that is none', () => 'x.y.z'],
  ])('with %s is refused', async (_, token) => {
    expect((await refusal({ headers: bearer(token()) })).status).toBe(401)
  })

  test('by a web page is refused, whichever its origin', async () => {
    for (const origin of ['https://evil.example', 'http://localhost:3000']) {
      const plan = { headers: bearer(stage.token()), origin }
      expect((await refusal(plan)).status).toBe(403)
    }
  })

  test('by another name of the host is refused', async () => {
    const headers = { ...bearer(stage.token()), host: 'evil.example' }
    expect((await refusal({ headers })).status).toBe(403)
  })

  test('without the subprotocol is no upgrade at all', async () => {
    expect((await refusal({ headers: bearer(stage.token()), protocols: ['mcp'] })).status).toBe(405)
  })

  test('at an endpoint that is not there is refused', async () => {
    const url = stage.node.endpointUrl('none')
    expect(await RawLink.open(url)).toMatchObject({ status: 404 })
  })

  test('beyond the limit is refused', async () => {
    for (let count = 0; count < 3; count += 1) await open()
    expect((await refusal({ headers: bearer(stage.token()) })).status).toBe(503)
  })

  test('with a proof that was used over HTTP is refused', async () => {
    const token = stage.bound()
    const proof = stage.proof(token, { htm: 'GET' })
    const headers = { authorization: `DPoP ${token}`, dpop: proof }
    expect((await refusal({ headers })).status).toBe(101)
    expect((await refusal({ headers })).status).toBe(401)
    const posting = { authorization: `DPoP ${token}`, dpop: stage.proof(token) }
    expect((await refusal({ headers: posting })).status).toBe(401)
  })
})

describe('a hello', () => {
  const other = linkIdentity('other')

  test.each<[string, () => RawLinkPlan]>([
    ['signed by another key', () => ({ signer: generateKeyPairSync('ed25519').privateKey })],
    ['in the name of another node', () => ({ hello: { node: other.federation.node } })],
    ['with the proof of a server', () => ({ role: 'server' })],
    ['for another endpoint', () => ({ hello: { resource: `${stage.node.url}/mcp/sibling` } })],
    ['for another host', () => ({ hello: { resource: 'https://middle.example/mcp/main' } })],
    ['as this very node', () => ({ hello: { node: stage.node.id } })],
    ['with a nonce that is none', () => ({ hello: { nonce: 'x' } })],
    ['that says nothing of what it takes', () => ({ hello: { takes: {} as never } })],
  ])('%s ends the link', async (_, plan) => {
    const link = await open(plan())
    await until(() => link.closed !== undefined, 'the end of the link')
    expect([1002, 1008]).toContain(link.closed)
    expectQuiet()
  })

  test('that never comes leaves nothing that can be called', async () => {
    const link = await open({ silent: true })
    link.call('fx__echo')
    await until(() => link.closed !== undefined, 'the end of the link')
    expect(link.closed).toBe(1002)
    expectQuiet()
  })
})

describe('what was presented', () => {
  test('counts for nothing once it is revoked', async () => {
    const link = await open({ headers: bearer(stage.token({ jti: 'gone' })) })
    await link.ending(link.call('fx__echo'))
    stage.mark()
    stage.revoked.add('gone')
    expect(await link.ending(link.call('fx__echo'))).toMatchObject({ status: 401 })
    expectQuiet()
  })

  test('counts for nothing once it has expired', async () => {
    const link = await open()
    await link.ending(link.call('fx__echo'))
    stage.mark()
    stage.pass(200)
    const { status, text } = await link.ending(link.call('fx__echo'))
    expect(status).toBe(401)
    expect(text).toContain('error="invalid_token"')
    expectQuiet()
  })

  test('has to be presented anew when another configuration holds', async () => {
    const link = await open()
    stage.reconfigure()
    expect(await link.ending(link.call('fx__echo'))).toMatchObject({ status: 401 })
    link.say({ type: 'credential', slot: 4, lines: Object.entries(bearer(stage.token())).flat() })
    const { status } = await link.ending(link.call('fx__echo', { differ: { slot: 4 } }))
    expect(status).toBeUndefined()
  })

  test('on one link counts for nothing on another', async () => {
    const first = await open()
    const lines = Object.entries(bearer(stage.token({ sub: 'bob' }))).flat()
    first.say({ type: 'credential', slot: 7, lines })
    await first.ending(first.call('fx__echo', { differ: { slot: 7 } }))
    stage.mark()
    const second = await open()
    const used = await second.ending(second.call('fx__echo', { differ: { slot: 7 } }))
    expect(used).toMatchObject({ status: 401 })
    expectQuiet()
  })

  test('counts for nothing after its release', async () => {
    const link = await open()
    link.say({ type: 'release', slot: 0 })
    expect(await link.ending(link.call('fx__echo'))).toMatchObject({ status: 401 })
    expectQuiet()
  })

  test('with a replayed proof counts for nothing', async () => {
    const token = stage.bound()
    const lines = ['authorization', `DPoP ${token}`, 'dpop', stage.proof(token, { htm: 'GET' })]
    const link = await open()
    link.say({ type: 'credential', slot: 1, lines })
    link.say({ type: 'credential', slot: 2, lines })
    expect((await link.ending(link.call('fx__echo', { differ: { slot: 1 } }))).status).toBe(
      undefined,
    )
    stage.mark()
    const again = await link.ending(link.call('fx__echo', { differ: { slot: 2 } }))
    expect(again).toMatchObject({ status: 401 })
    expectQuiet()
  })

  test('without its proof, or as two credentials, counts for nothing', async () => {
    const token = stage.bound()
    const one = ['authorization', `DPoP ${token}`]
    const link = await open()
    for (const [index, lines] of [one, [...one, ...one], [], ['authorization', 'x']].entries()) {
      const slot = index + 1
      link.say({ type: 'credential', slot, lines })
      const { status } = await link.ending(link.call('fx__echo', { differ: { slot } }))
      expect(status === 401 || status === 400).toBe(true)
    }
    expectQuiet()
  })
})

describe('an envelope', () => {
  const other = { method: 'tools/list' } as const

  test.each([
    ['another method than the body', { differ: other }],
    ['another name than the body', { differ: { name: 'fx__other' } }],
    ['no name', { differ: { name: undefined } }],
  ])('with %s is refused', async (_, what) => {
    const link = await open()
    const { text } = await link.ending(link.call('fx__echo', what))
    expect(JSON.parse(text)).toMatchObject({ error: { code: -32_020 } })
    expectQuiet()
  })

  test('with a trail overrules that of the body, which widens nothing', async () => {
    const link = await open()
    const body = { budget: 30, path: [] }
    const answers = [
      { differ: { trail: { budget: 0, path: [] } }, code: -31_002 },
      { differ: { trail: { budget: 8, path: [stage.node.id] } }, code: -31_001 },
    ]
    for (const { differ, code } of answers) {
      const { text } = await link.ending(
        link.call('fx__echo', { differ, meta: { [FEDERATION]: body } }),
      )
      expect(JSON.parse(text)).toMatchObject({ error: { code } })
    }
    expectQuiet()
  })

  test('without a trail leaves the body its own', async () => {
    const link = await open()
    const used = { [FEDERATION]: { budget: 0, path: [] } }
    const { text } = await link.ending(link.call('fx__echo', { meta: used }))
    expect(JSON.parse(text)).toMatchObject({ error: { code: -31_002 } })
  })

  test.each([
    ['that is no JSON', 'x'],
    ['that is a batch', '[]'],
    ['that is a notification', '{"jsonrpc":"2.0","method":"tools/call"}'],
  ])('with a body %s is answered, and the link goes on', async (_, text) => {
    const link = await open()
    const answer = await link.ending(
      link.call('fx__echo', { differ: { body: new Body([Buffer.from(text)]) } }),
    )
    expect(JSON.parse(answer.text)).toHaveProperty('error.code')
    expect((await link.ending(link.call('fx__echo'))).text).toContain('"result"')
  })
})

const SERVERS_OWN: readonly LinkFrame[] = [
  {
    type: 'response',
    call: 0,
    errorCode: undefined,
    oversized: false,
    complete: false,
    body: new Body([]),
  },
  { type: 'goaway' },
  { type: 'hello', body: Buffer.alloc(0) },
]

describe('a flood', () => {
  test('of calls ends the link', async () => {
    const link = await open()
    for (let count = 0; count < 17; count += 1) link.call('fx__slow')
    expect(await closeOf(link)).toBe(1002)
    await until(
      () => stage.node.status().upstreams.every((one) => one.callsInFlight === 0),
      'quiet',
    )
  })

  test('of credentials ends the link', async () => {
    const link = await open()
    for (let slot = 1; slot < 17; slot += 1) link.say({ type: 'credential', slot, lines: [] })
    expect(await closeOf(link)).toBe(1002)
  })

  test('of the same call ends the link', async () => {
    const link = await open()
    link.call('fx__slow', { differ: { call: 5 } })
    link.call('fx__slow', { differ: { call: 5 } })
    expect(await closeOf(link)).toBe(1002)
  })

  test('of bytes beyond the largest message ends the link', async () => {
    const link = await open()
    link.call('fx__echo', { differ: { body: new Body([Buffer.alloc(5 * 1_048_576, 0x20)]) } })
    expect(await closeOf(link)).toBe(1009)
  })

  test.each<[string, Buffer | string]>([
    ['text', 'hello'],
    ['nothing', Buffer.alloc(0)],
    ['a length that is not there', Buffer.from([4, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 97, 255, 255])],
    ...SERVERS_OWN.map((frame): [string, Buffer] => {
      return [`a ${frame.type}, which is the server's to say`, encodeFrame(frame)]
    }),
  ])('of %s ends the link', async (_, bytes) => {
    const link = await open()
    await link.ending(link.call('fx__echo'))
    link.bytes(bytes)
    expect(await closeOf(link)).toBe(1002)
  })
})
