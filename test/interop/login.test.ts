// Official clients find out by themselves where to log in, and do: 401, metadata of the endpoint, metadata of its issuer,
// registration, authorization code with PKCE, token. Only the node is ours.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { Mesh } from '../mesh/mesh.ts'
import { AuthorizationServer } from './authorization-server.ts'
import { CALLBACK, GUESTS, PROVING, type Guest } from './sdk-guests.ts'

let mesh: Mesh
let server: AuthorizationServer
let fixture: FixtureServer
let node: RunningNode
let guests: Guest[] = []

/** A client that is known beforehand, for whatever scopes. */
const REGISTERED = {
  client_id: 'known',
  token_endpoint_auth_method: 'none',
  redirect_uris: [CALLBACK],
  grant_types: ['authorization_code'],
  response_types: ['code'],
}
const ANSWER = { content: [{ type: 'text', text: 'hi' }] }
const ARGS = { message: 'hi' }

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
  server = await AuthorizationServer.start({
    registration: ['ns:fx', 'ns:quiet'],
    nonces: true,
    clients: [REGISTERED],
  })
  const http = { url: fixture.url }
  node = await mesh.startConfig({
    node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { fixture: { http }, twin: { http } },
    namespaces: { fx: { from: ['fixture'] }, quiet: { from: ['twin'] } },
    endpoints: {
      main: { namespaces: ['*'], auth: { issuer: server.issuer } },
      strict: { namespaces: ['*'], auth: { issuer: server.issuer, dpop: 'required' } },
    },
  })
  await node.ready()
  for (const name of ['main', 'strict']) {
    server.serve(node.endpointUrl(name), { scopes: ['ns:fx', 'ns:quiet'] })
  }
})
afterEach(async () => {
  for (const guest of guests) await guest.close()
  guests = []
  await mesh.close()
  await server.close()
  await fixture.close()
})

function welcome(guest: Guest): Guest {
  guests.push(guest)
  return guest
}

describe.each(GUESTS)('$guest', ({ arrive }) => {
  test('logs in, and calls', async () => {
    const url = node.endpointUrl('main')
    const guest = welcome(arrive(url, 'ada'))
    expect(await guest.call('fx__echo', ARGS)).toMatchObject(ANSWER)
    const [asked] = guest.asked
    expect(guest.asked).toHaveLength(1)
    expect(asked?.origin).toBe(server.issuer)
    const { searchParams: sent } = asked ?? new URL(url)
    expect(sent.get('resource')).toBe(url)
    expect(sent.get('code_challenge_method')).toBe('S256')
    expect(sent.get('scope')?.split(' ').toSorted()).toEqual(['ns:fx', 'ns:quiet'])
    // The login and the consent page.
    expect(guest.forms).toHaveLength(2)
    expect(server.failures).toEqual([])
    expect(JSON.stringify(fixture.requests)).not.toMatch(/authorization|eyJ/)
  })

  test('asks for more when it is told to, and then has it', async () => {
    const url = node.endpointUrl('main')
    server.serve(url, { scopes: ['ns:fx'] })
    const guest = welcome(arrive(url, 'ada', REGISTERED.client_id))
    expect(await guest.call('fx__echo', ARGS)).toMatchObject(ANSWER)
    server.serve(url, { scopes: ['ns:fx', 'tool:quiet/echo'] })
    const before = fixture.calls().length
    expect(await guest.call('quiet__echo', ARGS)).toMatchObject(ANSWER)
    expect(guest.asked).toHaveLength(2)
    expect(guest.asked[1]?.searchParams.get('scope')).toContain('tool:quiet/echo')
    // What was refused went nowhere.
    expect(fixture.calls()).toHaveLength(before + 1)
  })
})

describe.each(PROVING)('$guest, with a key', ({ arrive }) => {
  test.each(['main', 'strict'])('logs in, and proves each call: %s', async (name) => {
    const guest = welcome(arrive(node.endpointUrl(name), 'ada'))
    expect(await guest.call('fx__echo', ARGS)).toMatchObject(ANSWER)
    expect(await guest.call('fx__echo', ARGS)).toMatchObject(ANSWER)
    expect(guest.tokenType).toBe('DPoP')
    expect(server.failures).toEqual([])
  })
})
