// A way to the node that breaks in the middle of an answer, for clients that bring their own HTTP.

/** Breaks the first event stream that answers a POST. */
export interface CuttingFetch {
  readonly fetch: typeof fetch
  /** Resolves when it has broken. */
  readonly cut: Promise<void>
  /** `Last-Event-ID` of each GET, in order; undefined where there was none. */
  readonly resumed: readonly (string | undefined)[]
}

/** Makes a fetch that hangs up once `sign` has arrived on a stream that answers a POST. It does so once. */
export function cuttingFetch(sign: string): CuttingFetch {
  const resumed: (string | undefined)[] = []
  const { promise: cut, resolve } = Promise.withResolvers<void>()
  let isCut = false
  return {
    cut,
    resumed,
    async fetch(input, init) {
      const method = init?.method ?? 'GET'
      if (method === 'GET') {
        resumed.push(new Headers(init?.headers).get('last-event-id') ?? undefined)
      }
      const hangUp = new AbortController()
      const signals = [hangUp.signal, ...(init?.signal ? [init.signal] : [])]
      const response = await fetch(input, { ...init, signal: AbortSignal.any(signals) })
      const isStream = response.headers.get('content-type') === 'text/event-stream'
      if (method !== 'POST' || !isStream || response.body === null) return response
      return new Response(response.body.pipeThrough(cutter()), response)

      function cutter(): TransformStream<Uint8Array, Uint8Array> {
        let text = ''
        return new TransformStream({
          transform(chunk, controller) {
            controller.enqueue(chunk)
            text += Buffer.from(chunk).toString()
            if (isCut || !text.includes(sign)) return
            isCut = true
            hangUp.abort()
            controller.error(new TypeError('the connection broke'))
            resolve()
          },
        })
      }
    },
  }
}
