// A call across three organisations: each hop with a token of its own, each narrower than the one before.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunningNode as BanyanNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { Mesh } from './mesh.ts'
import { callEcho as call, chainOf, KEY, type Chain } from './organisations.ts'

let mesh: Mesh
let fixture: FixtureServer

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
})

function chain(transit?: readonly ('a' | 'b')[]): Promise<Chain> {
  return chainOf(mesh, fixture, transit && { transit })
}

/** The client id of a node. */
function client(node: BanyanNode): string {
  return `${node.url}/oauth/client.json`
}

/** A node as it stands among the actors. */
function actor(node: BanyanNode): string {
  return `${node.url} ${client(node)}`
}

describe('a call across three organisations', () => {
  test('arrives, and each issuer says who acted and for whom it was', async () => {
    const { a, b, c, records } = await chain()
    const reply = await call(a, `Bearer ${KEY}`)
    expect(reply.status).toBe(200)
    expect(reply.result['content']).toEqual([{ type: 'text', text: 'hi' }])
    // Tokens are also made for the lists of nodes: those for the call are of one delegation.
    const issued = ({ audit }: (typeof records)['a']): typeof audit =>
      audit.filter((line) => line.kind === 'jwt_bearer' && line.decision === 'issued')
    const atC = issued(records.c).findLast(({ actors }) => actors?.length === 2)
    const atB = issued(records.b).find(({ txn }) => txn === atC?.txn)
    expect(atB).toMatchObject({
      in: { client: client(a) },
      out: { aud: b.endpointUrl('main'), scope: ['ns:fx'] },
      actors: [actor(a)],
    })
    expect(atC).toMatchObject({
      in: { client: client(b) },
      out: { aud: c.endpointUrl('main'), scope: ['ns:fx'] },
      actors: [actor(b), actor(a)],
    })
    // Nobody is called by the same name twice.
    expect(atC?.in?.subH).not.toBe(atB?.in?.subH)
  })

  test('invariant 14: no byte of the credential is in any log, and none of it reaches the server', async () => {
    const { a, records } = await chain()
    await call(a, `Bearer ${KEY}`)
    for (const { text } of Object.values(records)) {
      expect(text).not.toContain(KEY)
      expect(text).not.toMatch(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)
    }
    expect(JSON.stringify(fixture.requests)).not.toContain('authorization')
  })

  test('attack 19: a node in the middle may not speak for another organisation unless it is allowed to', async () => {
    const { a, records } = await chain([])
    const before = fixture.requests.length
    const reply = await call(a, `Bearer ${KEY}`)
    expect(reply.raw).toContain('"error"')
    expect(fixture.requests.slice(before).filter(({ method }) => method === 'tools/call')).toEqual(
      [],
    )
    expect(records.c.audit).toContainEqual(
      expect.objectContaining({ kind: 'jwt_bearer', decision: 'refused', reason: 'transit' }),
    )
  })

  test('row 50: without a credential nobody gets in, and is told where to ask', async () => {
    const { a, b } = await chain()
    const before = fixture.requests.length
    for (const node of [a, b]) {
      const reply = await call(node, undefined)
      expect(reply.status).toBe(401)
      const challenge = String(reply.headers['www-authenticate'])
      expect(challenge).toContain(`${node.url}/.well-known/oauth-protected-resource/mcp/main`)
    }
    expect(fixture.requests).toHaveLength(before)
  })
})
