// What a call that may fail came to, so that a test can expect it in either case.
import { Fault } from '../../protocol/errors.ts'

/** The Fault a call ends with, or undefined when it ends well. Whatever else is thrown is thrown on. */
export function faultOf(call: () => unknown): Fault | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
}
