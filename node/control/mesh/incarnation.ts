import { join } from 'node:path'
import { nextIncarnation } from '../../../topology/version.ts'
import type { Logger } from '../../core/logger.ts'
import { readIfThere, replaceAtomically, StateError } from '../../identity/state-files.ts'

const FILE = 'incarnation'

/** Which start of the node this is, remembered over starts; without a folder the clock alone says. */
export class Incarnation {
  readonly #file: string | undefined
  readonly #log: Logger
  #current: number | undefined
  #writing: Promise<void> = Promise.resolve()

  /** @param folder state folder; undefined where nothing is kept */
  constructor(folder: string | undefined, log: Logger) {
    this.#file = folder === undefined ? undefined : join(folder, FILE)
    this.#log = log
  }

  /** The next one, above all before. It is on the disk before it is anywhere else. @param wall ms since 1970 */
  async next(wall: number): Promise<number> {
    const before = this.#current ?? (await this.#remembered())
    const inc = nextIncarnation(before, wall)
    await this.keep(inc)
    return inc
  }

  /** Remembers another. Resolves when that is done, or was tried: the clock is above it at the next start anyway. */
  keep(inc: number): Promise<void> {
    this.#current = inc
    const file = this.#file
    if (file === undefined) return Promise.resolve()
    this.#writing = this.#writing
      .then(() => replaceAtomically(file, `${inc}\n`))
      .catch((cause: unknown) => {
        this.#log.warn({ file, cause }, 'the incarnation of the node could not be kept')
      })
    return this.#writing
  }

  async #remembered(): Promise<number | undefined> {
    if (this.#file === undefined) return undefined
    try {
      const text = await readIfThere(this.#file)
      const inc = Number(text?.trim() || Number.NaN)
      return Number.isSafeInteger(inc) && inc >= 0 ? inc : undefined
    } catch (error) {
      if (!(error instanceof StateError)) throw error
      this.#log.warn({ file: this.#file, cause: error }, 'the incarnation of the node is lost')
      return undefined
    }
  }
}
