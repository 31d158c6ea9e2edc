import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import { connect, Socket, type AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { OpenResponses } from '../../../node/inbound/open-responses.ts'
import { until } from '../../fixtures/wait.ts'

describe('responses under way', () => {
  it('that wait for their turn hear that the connection has closed', async () => {
    const socket = new Socket()
    const responses = new OpenResponses(() => undefined)
    const closes: number[] = []
    for (let index = 0; index < 20; index += 1) {
      const response = new ServerResponse(new IncomingMessage(socket))
      response.on('close', () => closes.push(index))
      responses.add(socket, response)
    }
    // However many there are, the connection has one listener.
    expect(socket.listenerCount('close')).toBe(1)
    socket.destroy()
    await until(() => closes.length > 0, 'the connection is closed')
    expect(closes).toEqual(Array.from({ length: 20 }, (_, index) => index))
  })

  it('hear it once, whatever Node tells them itself', async () => {
    const responses = new OpenResponses(() => undefined)
    const closes = new Map<string, number>()
    const server = createServer((request, response) => {
      const path = request.url ?? ''
      closes.set(path, 0)
      response.on('close', () => closes.set(path, (closes.get(path) ?? 0) + 1))
      responses.add(request.socket, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(
      ['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''),
    )
    await until(() => closes.size === 3, 'the requests are there')
    socket.destroy()
    await new Promise((resolve) => server.close(resolve))
    await until(() => ![...closes.values()].includes(0), 'each has heard it')
    expect([...closes.values()]).toEqual([1, 1, 1])
  })

  it('say whether one of them has begun', () => {
    const socket = new Socket()
    const idle: unknown[] = []
    const responses = new OpenResponses((which) => idle.push(which))
    expect([responses.begun(socket), responses.busy(socket)]).toEqual([false, false])
    const response = new ServerResponse(new IncomingMessage(socket))
    responses.add(socket, response)
    expect([responses.begun(socket), responses.busy(socket)]).toEqual([false, true])
    response.writeHead(200)
    response.flushHeaders()
    expect(responses.begun(socket)).toBe(true)
    expect(idle).toEqual([])
    response.emit('close')
    expect([responses.begun(socket), responses.busy(socket)]).toEqual([false, false])
    expect(idle).toEqual([socket])
    socket.destroy()
  })
})
