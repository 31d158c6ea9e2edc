import { isObject, type JsonObject } from '../../../protocol/jsonrpc.ts'

/** A line of the log of a node; undefined when it is something else. */
export function parseLine(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
