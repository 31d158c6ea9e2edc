// Attacks 29, 30 and 36, rows 49 and 50: credentials in places where none are looked for, and what refusals give away.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callModern, send } from '../fixtures/raw-client.ts'
import { heard, dial, lines, postText, talk } from '../inbound/raw-socket.ts'
import { modern } from '../fixtures/raw-client.ts'
import { challengeOf, Stage } from './stage.ts'

let stage: Stage

beforeAll(async () => {
  stage = await Stage.start()
})
beforeEach(() => stage.mark())
afterAll(() => stage.close())

const none = { error: undefined }

/** A good call as text, with header lines added. */
function callText(extra: readonly string[]): Buffer {
  const { message, headers } = modern('tools/call', { name: 'fx__echo', arguments: { text: 'x' } })
  return postText(stage.url, JSON.stringify(message), [...lines(headers), ...extra])
}

describe('attack 29: a token in another place', () => {
  it('attack 29: in the query', async () => {
    const token = stage.token()
    for (const name of ['access_token', 'token', 'authorization']) {
      const url = `${stage.url}?${name}=${token}`
      stage.expectRefused(await stage.call({}, { url }), none)
    }
  })

  it('attack 29: in a cookie, or in a header of another name', async () => {
    const token = stage.token()
    for (const name of [
      'cookie',
      'x-authorization',
      'proxy-authorization',
      'x-access-token',
      'x-forwarded-access-token',
    ]) {
      const value = name === 'cookie' ? `access_token=${token}` : `Bearer ${token}`
      stage.expectRefused(await stage.call({ [name]: value }), none)
    }
  })

  it('attack 29: in _meta, or in an argument', async () => {
    const token = stage.token()
    const meta = { authorization: `Bearer ${token}`, access_token: token }
    stage.expectRefused(await stage.call({}, { meta }), none)
    const params = { name: 'fx__echo', arguments: { text: 'x', access_token: token } }
    stage.expectRefused(await callModern(stage.url, 'tools/call', params), none)
  })

  it('attack 29: in the body as a form (RFC 6750 §2.2)', async () => {
    const body = `access_token=${stage.token()}`
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    stage.expectRefused(await send(stage.url, { method: 'POST', headers, body }), none)
  })

  it('attack 29: beside a good one it counts for nothing', async () => {
    const read = stage.token({ scope: 'ns:other' })
    const url = `${stage.url}?access_token=${stage.token()}`
    const reply = await stage.call({ authorization: `Bearer ${read}` }, { url })
    stage.expectRefused(reply, { status: 403, code: -31_011, error: 'insufficient_scope' })
  })
})

describe('attack 30: which of them counts', () => {
  const twice = { status: 400, code: -32_600, error: null }

  it.each<[string, (one: string, two: string) => string[]]>([
    ['the same line twice', (one) => [`Bearer ${one}`, `Bearer ${one}`]],
    ['a good one and a bad one', (one) => [`Bearer ${one}`, 'Bearer bad']],
    ['a bad one and a good one', (one) => ['Bearer bad', `Bearer ${one}`]],
    ['two schemes', (one, two) => [`Bearer ${one}`, `DPoP ${two}`]],
    ['an empty one first', (one) => ['', `Bearer ${one}`]],
  ])('attack 30: two Authorization lines, %s', async (_, make) => {
    const values = make(stage.token(), stage.bound())
    const answer = await talk(stage.url, callText(values.map((value) => `Authorization: ${value}`)))
    expect([answer.status, answer.error?.code]).toEqual([400, -32_600])
    expect(answer.head).not.toMatch(/www-authenticate/i)
    expect(stage.upstreamTraffic).toEqual([])
  })

  it('attack 30: two credentials in one line', async () => {
    const [one, two] = [stage.token(), stage.bound()]
    for (const value of [
      `Bearer ${one}, DPoP ${two}`,
      `Bearer ${one},Bearer ${one}`,
      `Bearer ${one},`,
    ]) {
      stage.expectRefused(await stage.call({ authorization: value }), twice)
    }
  })

  it('attack 30: a folded line, a bare line feed, a control character', async () => {
    const token = stage.token()
    const values = [
      `Bearer\r\n ${token}`,
      `Bearer ${token}\r\n x`,
      `Bearer ${token.slice(0, 20)}\r\n ${token.slice(20)}`,
      `Bearer\t${token}`,
      `Bearer ${token}\u0000`,
    ]
    for (const value of values) {
      const answer = await talk(stage.url, callText([`Authorization: ${value}`]))
      expect([400, 401]).toContain(answer.status)
      expect(stage.upstreamTraffic).toEqual([])
    }
  })

  it('attack 30: schemes that are none of ours, or not spelled like one', async () => {
    const token = stage.token()
    for (const value of ['Basic YTpi', `Token ${token}`, token, `BearerX ${token}`, 'Negotiate']) {
      stage.expectRefused(await stage.call({ authorization: value }), none)
    }
    for (const value of [
      'Bearer',
      `Bearer  ${token}`,
      `Bearer ${token} x`,
      `Bearer "${token}"`,
      'Bearer é',
    ]) {
      stage.expectRefused(await stage.call({ authorization: value }))
    }
    stage.expectServed(await stage.call({ authorization: `bEARER ${token}` }))
  })

  it('attack 30: headers a proxy would send change nothing', async () => {
    const forwarded = {
      forwarded: 'for=10.0.0.1;host=gw.example;proto=https',
      'x-forwarded-host': 'gw.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-user': 'root',
      'x-client-cert': 'MIIB',
      'client-cert': ':MIIB:',
      'txn-token': stage.token(),
    }
    stage.expectRefused(await stage.call(forwarded), none)
    const certificate = stage.token({ cnf: { 'x5t#S256': 'A'.repeat(43) } })
    const headers = { ...forwarded, authorization: `Bearer ${certificate}` }
    stage.expectRefused(await stage.call(headers))
    // The proof is about the URL by configuration, whatever the headers say.
    const bound = stage.bound()
    const proof = stage.proof(bound, { htu: 'https://gw.example/mcp/main' })
    const moved = { ...forwarded, authorization: `DPoP ${bound}`, dpop: proof }
    stage.expectRefused(await stage.call(moved), { error: 'invalid_dpop_proof' })
  })

  it('attack 30: a name in the header that is not the one in the body', async () => {
    const headers = { authorization: `Bearer ${stage.token()}`, 'mcp-name': 'fx__other' }
    const reply = await stage.call(headers)
    expect([reply.status, reply.error.code]).toEqual([400, -32_020])
    expect(stage.upstreamTraffic).toEqual([])
  })
})

describe('attack 36: what refusals give away', () => {
  it('attack 36: a tool that is hidden and one that is not there', async () => {
    const url = stage.node.endpointUrl('narrow')
    const authorization = `Bearer ${stage.token({ aud: url, scope: '*' })}`
    const ask = async (name: string): Promise<unknown> => {
      const options = { headers: { authorization }, id: 1 }
      const reply = await callModern(url, 'tools/call', { name, arguments: {} }, options)
      return {
        status: reply.status,
        body: reply.raw.replaceAll(name, 'NAME'),
        challenge: challengeOf(reply),
      }
    }
    expect(await ask('fx__echo')).toEqual(await ask('fx__nothing'))
    expect(stage.upstreamTraffic).toEqual([])
  })

  it('attack 36: an endpoint that is not there asks for no token, and gives no more away than its absence', async () => {
    const url = `${stage.node.url}/mcp/nowhere`
    const reply = await stage.call({ authorization: `Bearer ${stage.token()}` }, { url })
    expect([reply.status, challengeOf(reply)]).toEqual([404, ''])
  })

  it('attack 36: nothing of a token, nor of what is wrong with its text, comes back', async () => {
    const marked = 'canary-'.repeat(4)
    const tokens = [stage.token({ sub: marked, aud: marked }), stage.token({ iss: marked }), marked]
    for (const token of tokens) {
      const reply = await stage.bearer(token)
      expect(reply.status).toBe(401)
      expect(JSON.stringify([reply.raw, reply.headers])).not.toContain('canary')
    }
  })
})

describe('row 50: the way to a token', () => {
  it('row 50: no credentials, no error; the metadata, the scopes and both schemes, Bearer first', async () => {
    const reply = await stage.call({})
    stage.expectRefused(reply, none)
    const metadata = `resource_metadata="${stage.metadataUrl()}"`
    expect([reply.headers['www-authenticate']].flat()).toEqual([
      `Bearer scope="ns:fx", ${metadata}`,
      `DPoP scope="ns:fx", ${metadata}, algs="ES256 EdDSA ES384"`,
    ])
  })

  it('row 50: each endpoint has metadata of its own, which names it exactly', async () => {
    for (const endpoint of ['main', 'sibling']) {
      const url = stage.node.endpointUrl(endpoint)
      const reply = await stage.call({}, { url })
      expect(challengeOf(reply)).toContain(`resource_metadata="${stage.metadataUrl(endpoint)}"`)
      const document = await send(stage.metadataUrl(endpoint))
      expect(document.status).toBe(200)
      const metadata = JSON.parse(document.raw) as Record<string, unknown>
      expect(metadata['resource']).toBe(url)
      expect(metadata['authorization_servers']).toEqual([stage.issuer])
    }
  })

  it('row 50: 403 lists the scopes of the call, which then are enough', async () => {
    const reply = await stage.bearer(stage.token({ scope: 'ns:other' }))
    stage.expectRefused(reply, { status: 403, code: -31_011, error: 'insufficient_scope' })
    const [, scope = ''] = /scope="([^"]*)"/.exec(challengeOf(reply)) ?? []
    expect(scope).toBe('tool:fx/echo')
    stage.expectServed(await stage.bearer(stage.token({ scope: `ns:other ${scope}` })))
  })
})

it('who is nobody here costs no memory: the answer comes before the body', async () => {
  const socket = await dial(stage.url)
  const answer = heard(socket)
  const { host, pathname } = new URL(stage.url)
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: close',
    'Content-Type: application/json',
  ]
  socket.write(
    [
      ...head,
      'Accept: application/json, text/event-stream',
      'Content-Length: 1000000',
      '',
      '',
    ].join('\r\n'),
  )
  expect((await answer).status).toBe(401)
  expect(stage.upstreamTraffic).toEqual([])
})
