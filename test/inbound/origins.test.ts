// Who may talk to a node on loopback: a page on another site must not, by whatever name it reaches the node.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { modern } from '../fixtures/raw-client.ts'
import { Edge } from './edge.ts'
import { lines, postText, talk, type RawAnswer } from './raw-socket.ts'

let edge: Edge
let port: string
beforeAll(async () => {
  edge = await Edge.start({
    node: { allowedHosts: ['gate.acme.example'], allowedOrigins: ['https://App.acme.example'] },
  })
  port = new URL(edge.url).port
})
beforeEach(() => edge.mark())
afterAll(() => edge.close())

const { message, headers } = modern('tools/call', { name: 'fx__add', arguments: { a: 1, b: 2 } })

/** A call that would be served, under this Host and these further headers. */
function call(host: string, ...more: readonly string[]): Promise<RawAnswer> {
  const bytes = postText(edge.url, JSON.stringify(message), [...lines(headers), ...more])
  return talk(edge.url, bytes.toString('latin1').replace(/Host: [^\r]*/, `Host: ${host}`))
}

function preflight(origin: string): Promise<RawAnswer> {
  const head = [
    'OPTIONS /mcp/main HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    `Origin: ${origin}`,
    'Connection: close',
    'Access-Control-Request-Method: POST',
    'Access-Control-Request-Headers: content-type, mcp-method, mcp-name, mcp-param-region',
  ]
  return talk(edge.url, `${head.join('\r\n')}\r\n\r\n`)
}

describe('Host', () => {
  it.each([
    'evil.example',
    'evil.example:PORT',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil.example#127.0.0.1',
    '127.0.0.1@evil.example',
    'user@127.0.0.1:PORT',
    '127.0.0.1:PORT:80',
    '0.0.0.0:PORT',
    '[::]:PORT',
    'gate.acme.example.evil.example',
    'not-gate.acme.example',
    '',
  ])('row 57: %s is refused', async (host) => {
    const { status, error } = await call(host.replace('PORT', port))
    expect([status, error?.code]).toEqual([403, -32_600])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each([
    'localhost',
    'localhost:PORT',
    'LocalHost:PORT',
    '127.0.0.1:PORT',
    '127.8.9.1',
    '[::1]:PORT',
    'gate.acme.example',
    'Gate.Acme.Example:443',
  ])('row 57: %s is the node', async (host) => {
    expect((await call(host.replace('PORT', port))).status).toBe(200)
  })

  it('row 57: is what counts, whatever a proxy claims to have seen', async () => {
    const { status } = await call(
      'evil.example',
      'X-Forwarded-Host: localhost',
      'Forwarded: host=localhost',
    )
    expect(status).toBe(403)
  })
})

describe('Origin', () => {
  it.each([
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'http://evil.example:PORT',
    'http://127.0.0.1:PORT/',
    'http://127.0.0.1:PORT, https://evil.example',
    'ftp://localhost',
    'localhost',
    'chrome-extension://abcdef',
    'http://app.acme.example',
    'https://app.acme.example:8443',
    'https://app.acme.example.evil.example',
    '*',
  ])('row 57: %s is refused', async (origin) => {
    const answer = await call(`127.0.0.1:${port}`, `Origin: ${origin.replace('PORT', port)}`)
    expect([answer.status, answer.error?.code]).toEqual([403, -32_600])
    expect(answer.head).not.toMatch(/access-control/i)
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('row 57: two are refused, though one of them is good', async () => {
    const good = `Origin: http://localhost:${port}`
    const { status } = await call('localhost', good, 'Origin: https://evil.example')
    expect(status).toBe(403)
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each([
    'http://localhost:PORT',
    'http://localhost:6274',
    'https://127.0.0.1',
    'http://[::1]:5173',
    'https://app.acme.example',
    'HTTPS://APP.ACME.EXAMPLE',
  ])('row 57: %s is served, and its page may read the answer', async (origin) => {
    const sent = origin.replace('PORT', port)
    const { status, head } = await call('localhost', `Origin: ${sent}`)
    expect(status).toBe(200)
    expect(head).toContain(`\r\naccess-control-allow-origin: ${sent.toLowerCase()}\r\n`)
    expect(head).toMatch(/\r\nvary: origin/)
    expect(head).not.toMatch(/allow-credentials/i)
  })

  it('of a page that may read answers may read refusals too', async () => {
    const answer = await call('localhost', 'Origin: http://localhost:1', 'Content-Encoding: gzip')
    expect(answer.status).toBe(415)
    expect(answer.head).toContain('\r\naccess-control-allow-origin: http://localhost:1\r\n')
  })
})

describe('a preflight', () => {
  it('of an allowed origin is answered with the headers MCP needs', async () => {
    const { status, head, body } = await preflight('http://localhost:6274')
    expect([status, body]).toEqual([204, ''])
    const allowed = /access-control-allow-headers: (.*)/i.exec(head)?.[1] ?? ''
    // The wildcard does not cover Authorization (Fetch standard, CORS-preflight fetch).
    expect(allowed.split(', ')).toEqual(expect.arrayContaining(['*', 'authorization', 'mcp-name']))
    expect(head).toMatch(/access-control-allow-methods: POST, GET, DELETE/)
  })

  it('of another origin is refused', async () => {
    const { status, head } = await preflight('https://evil.example')
    expect(status).toBe(403)
    expect(head).not.toMatch(/access-control/i)
  })
})
