import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * The responses under way on each connection. With pipelining there may be several; Node 22 tells only the first of
 * them when the connection closes, and what the others hold would be held for ever.
 */
export class OpenResponses {
  readonly #bySocket = new WeakMap<Duplex, Set<ServerResponse>>()

  add(socket: Duplex, response: ServerResponse): void {
    const open = this.#bySocket.get(socket) ?? this.#follow(socket)
    open.add(response)
    response.once('close', () => open.delete(response))
  }

  /** Whether part of a response has gone out: nothing else may be written in between. */
  begun(socket: Duplex): boolean {
    const open = this.#bySocket.get(socket)
    return open !== undefined && [...open].some(({ headersSent }) => headersSent)
  }

  #follow(socket: Duplex): Set<ServerResponse> {
    const open = new Set<ServerResponse>()
    this.#bySocket.set(socket, open)
    socket.once('close', () => {
      // By then Node has told those it tells, and they are no longer in the set.
      setImmediate(() => {
        for (const response of open) response.emit('close')
      })
    })
    return open
  }
}
