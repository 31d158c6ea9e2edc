import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { certificateOf, headerLines } from '../../../node/inbound/credential-facts.ts'

async function received(lines: readonly string[]): Promise<IncomingMessage> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const arrived = new Promise<IncomingMessage>((resolve) => {
    server.on('request', (request, response) => {
      response.end()
      resolve(request)
    })
  })
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => undefined)
  client.write(['POST / HTTP/1.1', 'Host: x', 'Content-Length: 0', ...lines, '', ''].join('\r\n'))
  const request = await arrived
  client.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return request
}

test('attack 30: every line of a header is seen, where Node would keep the first or join them', async () => {
  const request = await received([
    'Authorization: Bearer a',
    'authorization: DPoP b',
    'DPoP: 1',
    'dpop: 2',
  ])
  expect(headerLines(request, 'authorization')).toEqual(['Bearer a', 'DPoP b'])
  expect(headerLines(request, 'dpop')).toEqual(['1', '2'])
  expect(headerLines(request, 'cookie')).toEqual([])
})

test('a plain connection shows no certificate, whatever its headers say', async () => {
  const request = await received(['X-Client-Cert: abc', 'Client-Cert: :abc:'])
  expect(certificateOf(request)).toBeUndefined()
})
