// Attack 15 with certificates (RFC 8705): tokens that only the holder of a client certificate may use, over TLS that ends
// in the node.
import { once } from 'node:events'
import { copyFile } from 'node:fs/promises'
import { Agent, request, type RequestOptions } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError } from '../../node/core/config-error.ts'
import { readTls } from '../../node/main/tls-files.ts'
import { modern } from '../fixtures/raw-client.ts'
import { dial, heard, talk } from '../inbound/raw-socket.ts'
import { Authority, type Certificate } from './certificates.ts'
import { Stage } from './stage.ts'

let authority: Authority
let server: Certificate
let client: Certificate
let other: Certificate
let stranger: Certificate
let stage: Stage

beforeAll(async () => {
  authority = await Authority.make()
  server = await authority.issue('server')
  client = await authority.issue('client')
  other = await authority.issue('other')
  stranger = await authority.issue('stranger', 'self')
  const tls = { cert: server.certFile, key: server.keyFile, clientCa: authority.ca.certFile }
  stage = await Stage.start({ node: { tls } })
})
beforeEach(() => stage.mark())
afterAll(async () => {
  await stage.close()
  await authority.remove()
})

interface Answer {
  readonly status: number
  readonly challenge: string
  readonly body: string
}

/** Calls the tool over TLS, as the holder of a certificate or of none. */
async function call(
  token: string | undefined,
  certificate?: Certificate,
  more: RequestOptions = {},
): Promise<Answer> {
  const { message, headers } = modern('tools/call', { name: 'fx__echo', arguments: { text: 'x' } })
  const sent = request(stage.url, {
    method: 'POST',
    ca: authority.ca.cert,
    agent: new Agent({ keepAlive: false, maxCachedSessions: 0 }),
    ...(certificate && { cert: certificate.cert, key: certificate.key }),
    ...more,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
  })
  sent.end(JSON.stringify(message))
  const [response] = (await once(sent, 'response')) as [
    AsyncIterable<Buffer> & { statusCode: number; headers: Record<string, string> },
  ]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  const challenge = response.headers['www-authenticate'] ?? ''
  return { status: response.statusCode, challenge, body: Buffer.concat(chunks).toString() }
}

const bound = (to: Certificate): string => stage.token({ cnf: { 'x5t#S256': to.thumbprint } })

/** What a refusal comes to; the upstream hears nothing of it. */
const REFUSED = { status: 401, error: 'error="invalid_token"', upstream: [] as readonly string[] }

function outcome({ status, challenge }: Answer): typeof REFUSED {
  const error = /error="[^"]*"/.exec(challenge)?.[0] ?? ''
  return { status, error, upstream: stage.upstreamTraffic }
}

describe('attack 15: a token that is bound to a certificate', () => {
  it('attack 15: is served to its holder', async () => {
    const answer = await call(bound(client), client)
    expect([answer.status, stage.upstreamTraffic.length > 0]).toEqual([200, true])
  })

  it('attack 15: is refused to the holder of another certificate, and to who has none', async () => {
    const token = bound(client)
    expect(outcome(await call(token, other))).toEqual(REFUSED)
    expect(outcome(await call(token))).toEqual(REFUSED)
  })

  it('attack 15: is refused to a certificate nobody signed, even its own', async () => {
    expect(outcome(await call(bound(stranger), stranger))).toEqual(REFUSED)
  })

  it('attack 15: needs its proof besides when it is bound to a key as well', async () => {
    const cnf = { 'x5t#S256': client.thumbprint, jkt: stage.key.thumbprint }
    expect(outcome(await call(stage.token({ cnf }), client))).toEqual(REFUSED)
  })

  it('attack 15: a connection that is taken up again is who it was, and never somebody by that alone', async () => {
    const resumed = async (certificate?: Certificate): Promise<[string, boolean]> => {
      const session = await sessionOf(certificate)
      const answer = await overSession(session, bound(certificate ?? client))
      return [answer.text.slice(9, 12), answer.reused]
    }
    expect(await resumed(client)).toEqual(['200', true])
    stage.mark()
    expect(await resumed()).toEqual(['401', true])
    expect(await resumed(stranger)).toEqual(['401', true])
    expect(stage.upstreamTraffic).toEqual([])
  })
})

it('a client without a certificate is served with a token that is bound to none', async () => {
  expect((await call(stage.token())).status).toBe(200)
  expect((await call(undefined)).status).toBe(401)
})

it('plain HTTP, and bytes that are no handshake, are hung up on', async () => {
  const { host } = new URL(stage.url)
  const answer = await talk(stage.url, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  expect(answer.text).toBe('')
})

it('files of TLS that cannot be read, or do not belong together, are named', async () => {
  const wrong = { cert: server.certFile, key: client.keyFile }
  await expect(readTls(wrong)).rejects.toThrow(ConfigError)
  await expect(readTls({ ...wrong, key: '/nowhere/key.pem' })).rejects.toThrow('node.tls.key')
  await expect(readTls({ ...wrong, cert: server.keyFile })).rejects.toThrow(ConfigError)
})

it('a renewed certificate is shown without a restart, and a closing node waits for nobody who only knocks', async () => {
  const first = await authority.issue('first')
  const second = await authority.issue('second')
  const [cert, key] = [`${first.certFile}.used`, `${first.keyFile}.used`]
  await copyFile(first.certFile, cert)
  await copyFile(first.keyFile, key)
  const changing = await Stage.start({ node: { tls: { cert, key } } })
  try {
    expect(await shown(changing.url)).toBe('first')
    await copyFile(second.certFile, cert)
    await copyFile(second.keyFile, key)
    await changing.reload()
    expect(await shown(changing.url)).toBe('second')
    const knocking = await dial(changing.url)
    const end = heard(knocking)
    await changing.close()
    expect((await end).text).toBe('')
  } finally {
    await changing.close()
  }
})

async function shown(url: string): Promise<string> {
  const socket = await open(url)
  const { CN } = socket.getPeerCertificate().subject
  socket.destroy()
  return String(CN)
}

async function open(url: string, more: object = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), ca: authority.ca.cert, ...more })
  await once(socket, 'secureConnect')
  return socket
}

/** A session to take up later. */
async function sessionOf(certificate?: Certificate): Promise<Buffer> {
  const own = certificate && { cert: certificate.cert, key: certificate.key }
  const socket = await open(stage.url, own)
  const session = once(socket, 'session')
  socket.write(`GET /healthz HTTP/1.1\r\nHost: ${new URL(stage.url).host}\r\n\r\n`)
  const [ticket] = (await session) as [Buffer]
  socket.destroy()
  return ticket
}

/** A call over a session that is taken up, without showing any certificate. */
async function overSession(
  session: Buffer,
  token: string,
): Promise<{ readonly text: string; readonly reused: boolean }> {
  const socket = await open(stage.url, { session })
  const { message, headers } = modern('tools/call', { name: 'fx__echo', arguments: { text: 'x' } })
  const body = JSON.stringify(message)
  const lines = [
    'POST /mcp/main HTTP/1.1',
    `Host: ${new URL(stage.url).host}`,
    'Connection: close',
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `Authorization: Bearer ${token}`,
    `Content-Length: ${body.length}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${String(value)}`),
  ]
  const reused = socket.isSessionReused()
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return { text, reused }
}
