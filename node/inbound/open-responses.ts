import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/**
 * The responses under way on each connection. With pipelining there may be several; Node 22 tells only the first of
 * them when the connection closes, and what the others hold would be held for ever.
 */
export class OpenResponses {
  // Lists, not sets: nearly always of one, and they change with each request.
  readonly #bySocket = new WeakMap<Duplex, ServerResponse[]>()
  readonly #idle: (socket: Duplex) => void

  /** @param idle told when the last response on a connection is over */
  constructor(idle: (socket: Duplex) => void) {
    this.#idle = idle
  }

  add(socket: Duplex, response: ServerResponse): void {
    const open = this.#bySocket.get(socket) ?? this.#follow(socket)
    open.push(response)
    response.on('close', () => {
      if (open.at(-1) === response) open.pop()
      else if (open.includes(response)) open.splice(open.indexOf(response), 1)
      if (open.length === 0) this.#idle(socket)
    })
  }

  /** Whether a request is being answered. */
  busy(socket: Duplex): boolean {
    return (this.#bySocket.get(socket)?.length ?? 0) > 0
  }

  /** Whether part of a response has gone out: nothing else may be written in between. */
  begun(socket: Duplex): boolean {
    return this.#bySocket.get(socket)?.some(({ headersSent }) => headersSent) === true
  }

  #follow(socket: Duplex): ServerResponse[] {
    const open: ServerResponse[] = []
    this.#bySocket.set(socket, open)
    socket.once('close', () => {
      // By then Node has told those it tells, and they are no longer in the list.
      setImmediate(() => {
        // Each takes itself out of the list.
        const left = open.slice()
        for (const response of left) response.emit('close')
      })
    })
    return open
  }
}
