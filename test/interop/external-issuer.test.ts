// Three organisations, the middle one with an authorization server that is no node. What it cannot keep, nobody after it
// can: it does not write who acted, nor how far a call may go, unless it is told to.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { Mesh } from '../mesh/mesh.ts'
import type { AuthorizationServer } from './authorization-server.ts'
import {
  actor,
  callEcho,
  clientOf,
  externalChain,
  KEY,
  lastIssued,
  type Chain,
  type Ways,
} from './external-chain.ts'

let mesh: Mesh
let fixture: FixtureServer
let server: AuthorizationServer | undefined

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
})
afterEach(async () => {
  await mesh.close()
  await server?.close()
  await fixture.close()
})

async function chain(ways: Ways): Promise<Chain> {
  const made = await externalChain({ mesh, fixture }, ways)
  server = made.server
  return made
}

describe('an external issuer in the middle', () => {
  test('passes calls on, each hop with a token of its own; who was before it is lost', async () => {
    const { a, b, c, records } = await chain({ chains: false, requireChain: false })
    const reply = await callEcho(a)
    expect(server?.failures).toEqual([])
    expect(reply.result['content']).toEqual([{ type: 'text', text: 'hi' }])
    const [atA, atC] = [
      records.a.audit.findLast(({ kind }) => kind === 'obtained'),
      lastIssued(records.c),
    ]
    const issuer = server?.issuer ?? ''
    expect(atA).toMatchObject({ out: { aud: b.endpointUrl('main') }, decision: 'issued' })
    expect(atC).toMatchObject({
      in: { client: clientOf(b), iss: issuer },
      out: { aud: c.endpointUrl('main'), scope: ['ns:fx'] },
      // The law it cannot keep: A acted too. Neither transit nor depth nor budget of A can be told at C.
      actors: [actor(issuer, b)],
    })
    expect(atC?.txn).not.toBe(atA?.txn)
    for (const { text } of Object.values(records)) {
      expect(text).not.toContain(KEY)
      expect(text).not.toMatch(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)
    }
    expect(JSON.stringify(fixture.requests)).not.toMatch(/authorization|eyJ/)
  })

  test('is refused where the chain is required, and nothing arrives', async () => {
    const { a, records } = await chain({ chains: false, requireChain: true })
    const before = fixture.calls().length
    const reply = await callEcho(a)
    expect(reply.raw).toContain('"error"')
    expect(fixture.calls()).toHaveLength(before)
    expect(records.a.audit).toContainEqual(
      expect.objectContaining({ kind: 'obtained', decision: 'refused', reason: 'depth' }),
    )
  })

  test('that is told to write chains keeps the whole law', async () => {
    const { a, b, records } = await chain({ chains: true, requireChain: true })
    const reply = await callEcho(a)
    expect(server?.failures).toEqual([])
    expect(reply.result['content']).toEqual([{ type: 'text', text: 'hi' }])
    const atC = lastIssued(records.c)
    expect(atC?.actors).toEqual([actor(server?.issuer ?? '', b), actor(a.url, a)])
    const atA = records.a.audit.findLast(({ kind }) => kind === 'obtained')
    expect(atC?.txn).toBe(atA?.txn)
  })
})
