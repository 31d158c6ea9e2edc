import type { Buffer } from 'node:buffer'
import { asFault, Fault } from '../../protocol/errors.ts'
import { decodeParts } from '../../protocol/link/decode.ts'
import { encodeParts } from '../../protocol/link/encode.ts'
import type { LinkFrame } from '../../protocol/link/frames.ts'
import type { LinkTraffic } from './link-traffic.ts'
import { CLOSE, type LinkSocket, type LinkStream } from './link-socket.ts'

/** Who takes what comes on a wire. */
export interface LinkWireOwner {
  /** @throws Fault for a frame that has no place here: the wire is closed */
  frame(frame: LinkFrame): void
  /** Nothing comes any more, and nothing that is sent arrives. Called once, and last. */
  closed(fault: Fault): void
}

/** What a wire is made with. */
export interface LinkWireOptions {
  readonly owner: LinkWireOwner
  /** Interval of pings, milliseconds. */
  readonly pingMs: number
  /** Counts what goes over it; undefined: nobody does. */
  readonly traffic?: LinkTraffic | undefined
}

/** Bytes that may wait to be sent before whoever sends is asked to wait. */
const CROWDED_BYTES = 1_048_576

const WHOLE = { fin: true }
const MORE = { fin: false }

/** How long the other end may take to close what is to be closed, milliseconds. */
const CLOSING_MS = 2_000

/**
 * Frames on a WebSocket, in both directions. What is sent within one turn of the loop goes out in one piece, and an end
 * that is not heard of for two intervals of pings is taken for gone.
 */
export class LinkWire {
  readonly #socket: LinkSocket
  readonly #stream: LinkStream
  readonly #owner: LinkWireOwner
  readonly #traffic: LinkTraffic | undefined
  readonly #timer: NodeJS.Timeout
  #closing: NodeJS.Timeout | undefined
  #corked = false
  #alive = true
  #over = false
  #waiting: (() => void)[] = []

  constructor(
    { socket, stream }: { readonly socket: LinkSocket; readonly stream: LinkStream },
    { owner, pingMs, traffic }: LinkWireOptions,
  ) {
    this.#socket = socket
    this.#stream = stream
    this.#owner = owner
    this.#traffic = traffic
    traffic?.wires.add(this)
    socket.binaryType = 'fragments'
    socket.on('message', (data, isBinary) => this.#message(data, isBinary))
    for (const sign of ['ping', 'pong'] as const) {
      socket.on(sign, () => {
        this.#alive = true
      })
    }
    // What breaks a WebSocket is followed by its close, which says no more of it.
    socket.on('error', (error) => this.#closed(gone(`broke: ${error.message}`)))
    socket.on('close', (code, reason) => {
      clearTimeout(this.#closing)
      this.#closed(gone(`was closed by the other end (${code} ${reason.toString()})`))
    })
    stream.on('drain', () => this.#drained())
    this.#timer = setInterval(() => this.#beat(), pingMs)
    this.#timer.unref()
  }

  get closed(): boolean {
    return this.#over
  }

  /** Whether the other end reads slower than this one writes. */
  get crowded(): boolean {
    return !this.#over && this.#stream.writableLength > CROWDED_BYTES
  }

  /** Bytes that wait to be written. */
  get queued(): number {
    return this.#stream.writableLength
  }

  /**
   * Sends a frame; dropped when the wire is closed.
   *
   * @throws Fault `invalid_params` as `encodeParts`
   */
  send(frame: LinkFrame): void {
    if (this.#over) return
    const parts = encodeParts(frame)
    this.#countOut(parts)
    this.#cork()
    const last = parts.length - 1
    parts.forEach((part, index) => this.#socket.send(part, index === last ? WHOLE : MORE))
  }

  /** Calls back once when the wire is not crowded any more, or closed. */
  onDrain(listener: () => void): void {
    if (this.crowded) this.#waiting.push(listener)
    else listener()
  }

  /** Reads nothing until `resume`; the other end has to wait. */
  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  /** Closes it; the owner is told as when the other end does. */
  close(code: number, reason: string): void {
    this.#close(code, gone(reason))
  }

  /** Ends it without a word. */
  terminate(reason: string): void {
    this.#socket.terminate()
    this.#closed(gone(reason))
  }

  #close(code: number, fault: Fault): void {
    if (this.#over) return
    this.#socket.close(code, fault.message.slice(0, 100))
    this.#closing = setTimeout(() => this.#socket.terminate(), CLOSING_MS)
    this.#closed(fault)
  }

  #message(data: Buffer | Buffer[], isBinary: boolean): void {
    if (this.#over) return
    this.#alive = true
    try {
      if (!isBinary || !Array.isArray(data)) {
        throw new Fault('invalid_request', 'a link carries no text')
      }
      this.#countIn(data)
      this.#owner.frame(decodeParts(data))
    } catch (error) {
      const fault = asFault(error)
      this.#close(fault.code === 'invalid_request' ? CLOSE.protocol : CLOSE.policy, fault)
    }
  }

  #countIn(parts: readonly Buffer[]): void {
    const traffic = this.#traffic
    if (traffic === undefined) return
    traffic.framesIn += 1
    for (const part of parts) traffic.bytesIn += part.length
  }

  #countOut(parts: readonly Buffer[]): void {
    const traffic = this.#traffic
    if (traffic === undefined) return
    traffic.framesOut += 1
    for (const part of parts) traffic.bytesOut += part.length
  }

  /** One write for all that is sent in this turn of the loop: a system call costs more than a small frame. */
  #cork(): void {
    if (this.#corked) return
    this.#corked = true
    this.#stream.cork()
    setImmediate(() => {
      this.#corked = false
      this.#stream.uncork()
    })
  }

  #beat(): void {
    if (!this.#alive) {
      this.terminate('does not answer')
      return
    }
    this.#alive = false
    this.#socket.ping()
  }

  #closed(fault: Fault): void {
    if (this.#over) return
    this.#over = true
    this.#traffic?.wires.delete(this)
    clearInterval(this.#timer)
    this.#drained()
    this.#owner.closed(fault)
  }

  #drained(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) one()
  }
}

function gone(why: string): Fault {
  return new Fault('upstream_unavailable', `the link ${why}`)
}
