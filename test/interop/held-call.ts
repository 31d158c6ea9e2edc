// A call that lasts until its caller gives it up.
import type { SdkClient } from './sdk-clients.ts'

/** A call of the tool `hold` that is under way. */
export interface HeldCall {
  /** Aborts it and resolves with what the client makes of that. */
  abort(): Promise<unknown>
}

/** Calls a `hold` tool; resolves when the tool has said that it runs. @throws Error when it ended before */
export async function hold(client: SdkClient, tool: string, key: string): Promise<HeldCall> {
  const abort = new AbortController()
  const begun = Promise.withResolvers<void>()
  const call = client.call(
    tool,
    { key },
    { signal: abort.signal, onprogress: () => begun.resolve() },
  )
  const ended = call.then(
    () => undefined,
    (error: unknown) => error,
  )
  const early = ended.then((error) => {
    throw new Error('the call did not hold', { cause: error })
  })
  await Promise.race([begun.promise, early])
  early.catch(() => undefined)
  return {
    abort() {
      abort.abort()
      return ended
    },
  }
}
