import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../../protocol/errors.ts'
import { isObject, type JsonObject } from '../../../protocol/jsonrpc.ts'
import type { Sealer } from '../../core/seal.ts'
import { makeStateFolder, readIfThere, refuseExposed, replaceAtomically } from '../state-files.ts'

/** What a value is kept under: its kind, and whatever tells it from others of the kind. */
export type SealedName = readonly [kind: string, ...rest: string[]]

export interface SealedStoreOptions {
  /** Where values are kept, one file each; undefined: in memory, for as long as the process lives. */
  readonly folder: string | undefined
  readonly sealer: Sealer
  /** Values at most. */
  readonly capacity: number
}

/**
 * Tokens of users, and what the node was registered with, sealed at rest: AEAD under a key of the state folder, each bound
 * to its name, so that no file opens in the place of another. File names are digests: they say nothing of users.
 */
export class SealedStore {
  readonly #options: SealedStoreOptions
  readonly #memory = new Map<string, string>()
  #files: Promise<Set<string>> | undefined

  constructor(options: SealedStoreOptions) {
    this.#options = options
  }

  /**
   * The value; undefined where there is none, or one that was not sealed here under this name.
   *
   * @throws StateError when the file cannot be read, or is open to others
   */
  async get(name: SealedName): Promise<JsonObject | undefined> {
    const sealed = await this.#read(fileOf(name))
    const text = sealed === undefined ? undefined : this.#options.sealer.open(sealed, bound(name))
    const value: unknown = text === undefined ? undefined : JSON.parse(text)
    return isObject(value) ? value : undefined
  }

  /** @throws Fault `overloaded` when there are as many as there may be, StateError */
  async set(name: SealedName, value: JsonObject): Promise<void> {
    const { folder, sealer } = this.#options
    const file = fileOf(name)
    const sealed = sealer.seal(JSON.stringify(value), bound(name))
    if (folder === undefined) {
      this.#refuseFull(this.#memory, file)
      this.#memory.set(file, sealed)
      return
    }
    const files = await this.#listed(folder)
    const isNew = this.#refuseFull(files, file)
    // Its place is taken before it is written: others may come in the meantime.
    files.add(file)
    try {
      await replaceAtomically(join(folder, file), sealed)
    } catch (error) {
      if (isNew) files.delete(file)
      throw error
    }
  }

  async delete(name: SealedName): Promise<void> {
    const { folder } = this.#options
    const file = fileOf(name)
    this.#memory.delete(file)
    if (folder === undefined) return
    await rm(join(folder, file), { force: true })
    ;(await this.#listed(folder)).delete(file)
  }

  /** @returns whether the value is another than there are. @throws Fault `overloaded` */
  #refuseFull(known: Pick<Set<string>, 'has' | 'size'>, file: string): boolean {
    const { capacity } = this.#options
    const isNew = !known.has(file)
    if (!isNew || known.size < capacity) return isNew
    throw new Fault('overloaded', `${capacity} sign-ins are kept already`, { limit: 'signIns' })
  }

  async #read(file: string): Promise<string | undefined> {
    const { folder } = this.#options
    if (folder === undefined) return this.#memory.get(file)
    const path = join(folder, file)
    await refuseExposed(path)
    return (await readIfThere(path))?.trim()
  }

  #listed(folder: string): Promise<Set<string>> {
    this.#files ??= filesIn(folder).catch((error: unknown) => {
      // What is in the way now may be gone the next time.
      this.#files = undefined
      throw error
    })
    return this.#files
  }
}

async function filesIn(folder: string): Promise<Set<string>> {
  await makeStateFolder(folder)
  return new Set(await readdir(folder))
}

function bound(name: SealedName): string {
  return JSON.stringify(name)
}

function fileOf(name: SealedName): string {
  return createHash('sha256').update(bound(name)).digest('base64url')
}
