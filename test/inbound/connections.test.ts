// The limit on open connections, at the limit and one beyond.
import { once } from 'node:events'
import { afterEach, expect, test } from 'vitest'
import { Edge } from './edge.ts'
import { dial } from './raw-socket.ts'
import { send } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'

let edge: Edge | undefined
afterEach(() => edge?.close())

test('one connection more than allowed is closed, the others are served, and a free place can be taken', async () => {
  edge = await Edge.start({ limits: { connections: 2 } })
  const url = edge.node.url
  const [first, second] = [await dial(url), await dial(url)]
  const third = await dial(url)
  await once(third, 'close')
  expect([first.destroyed, second.destroyed]).toEqual([false, false])
  first.destroy()
  await until(async () => {
    const reply = await send(`${url}/healthz`).catch(() => undefined)
    return reply?.status === 200
  }, 'the freed place is taken')
  second.destroy()
})

test('a node that closes does not wait for connections on which nothing was asked', async () => {
  const closing = await Edge.start({ limits: { shutdownGrace: '1h' } })
  const { url } = closing.node
  const spare = await dial(url)
  const used = await dial(url)
  used.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(used, 'data')
  const ended = Promise.all([once(spare, 'close'), once(used, 'close')])
  await closing.close()
  await ended
  expect([spare.destroyed, used.destroyed]).toEqual([true, true])
})
