/** What a link needs of a WebSocket; the one of `ws` has it. */
export interface LinkSocket {
  /** How messages of several fragments are given: as they came, and not joined. */
  binaryType: string
  /** `fin` false: another fragment of the same message follows. Default true. */
  send(data: Buffer, options: { readonly fin: boolean }): void
  ping(): void
  pause(): void
  resume(): void
  close(code: number, reason: string): void
  terminate(): void
  on(event: 'message', listener: (data: Buffer | Buffer[], isBinary: boolean) => void): unknown
  on(event: 'pong' | 'ping', listener: () => void): unknown
  on(event: 'close', listener: (code: number, reason: Buffer) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** What a link needs of the connection below. */
export interface LinkStream {
  cork(): void
  uncork(): void
  readonly writableLength: number
  on(event: 'drain', listener: () => void): unknown
}

/** Why a link was closed, as WebSocket says it (RFC 6455 §7.4.1). */
export const CLOSE = {
  /** There is nothing more to say. */
  done: 1_000,
  /** The node stops, or the endpoint is not there any more. */
  away: 1_001,
  /** A frame that is none. */
  protocol: 1_002,
  /** A limit that was agreed on was passed, or a proof was wrong. */
  policy: 1_008,
} as const
