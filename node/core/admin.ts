/** A request of an operator, before its body is read. */
export interface AdminRequest {
  /** HTTP method. */
  readonly method: string
  /** Path without query. */
  readonly path: string
  /** What stands behind the question mark, as it came. */
  readonly query: string
  /** All header lines of one name, in order. */
  readonly header: (name: string) => readonly string[]
}

/** The answer to an operator. */
export interface AdminAnswer {
  /** As JSON, which the edge writes; where `type` is given, text or bytes as they are. */
  readonly body: unknown
  /** Media type; default that of JSON. */
  readonly type?: string
  /** 304: who asks has it already. 308: it is elsewhere. Default 200. */
  readonly status?: 200 | 304 | 308
  /** Names and values in turn, in the place of those that forbid to keep it. */
  readonly headers?: readonly string[]
  /** In the place of a body: what happens from now on. */
  readonly feed?: AdminFeed
}

/** What happens, as it happens. */
export interface AdminFeed {
  /** Tells of every event, as one that can be written as JSON, until the returned function is called. */
  follow(tell: (event: object) => void): () => void
  /** Whether who follows it may still do so; asked now and then. */
  mayGoOn(): boolean
}

/** A request that is taken: whoever sent it may ask that. */
export interface AdminTask {
  /** The largest body it takes, bytes; 0: it takes none. */
  readonly maxBodyBytes: number
  /** It may last, because what it began is not undone by an answer. */
  readonly isPatient: boolean
  /** It takes no work worth mentioning, so that any number of them may be asked for at a time; default false. */
  readonly isLight?: boolean
  /**
   * Does what was asked.
   *
   * @param signal aborts when nobody waits for the answer any more
   * @throws Fault; the promise rejects with it
   */
  run(body: Buffer, signal: AbortSignal): Promise<AdminAnswer>
}

/** What operators can ask of the node. */
export interface AdminService {
  /**
   * Tells who asks, and what.
   *
   * @throws Fault `unauthenticated`, `bad_http`, `unknown_endpoint`, `http_method`, `insufficient_scope`
   */
  take(request: AdminRequest): AdminTask
}
