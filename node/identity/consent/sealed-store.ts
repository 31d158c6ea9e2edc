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
    const { folder, sealer, capacity } = this.#options
    const file = fileOf(name)
    const sealed = sealer.seal(JSON.stringify(value), bound(name))
    const known = folder === undefined ? this.#memory : await this.#listed(folder)
    if (!known.has(file) && known.size >= capacity) {
      throw new Fault('overloaded', `${capacity} sign-ins are kept already`)
    }
    if (folder === undefined) this.#memory.set(file, sealed)
    else {
      await replaceAtomically(join(folder, file), sealed)
      ;(await this.#listed(folder)).add(file)
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

  async #read(file: string): Promise<string | undefined> {
    const { folder } = this.#options
    if (folder === undefined) return this.#memory.get(file)
    const path = join(folder, file)
    await refuseExposed(path)
    return (await readIfThere(path))?.trim()
  }

  #listed(folder: string): Promise<Set<string>> {
    this.#files ??= makeStateFolder(folder)
      .then(() => readdir(folder))
      .then((files) => new Set(files))
    return this.#files
  }
}

function bound(name: SealedName): string {
  return JSON.stringify(name)
}

function fileOf(name: SealedName): string {
  return createHash('sha256').update(bound(name)).digest('base64url')
}
