import type { JsonObject } from '../fixtures/wire.ts'

/** Puts what a stream brings into a list, so that a test can look at it at any time. */
export function collect(next: () => Promise<JsonObject | undefined>): JsonObject[] {
  const heard: JsonObject[] = []
  const read = async (): Promise<void> => {
    for (let one = await next(); one !== undefined; one = await next()) heard.push(one)
  }
  void read().catch(() => undefined)
  return heard
}
