import { join } from 'node:path'
import type { Clock } from './clock.ts'
import { KEY_LEAD_SECONDS, type KeyPolicy } from './key-plan.ts'
import { KeyRing } from './key-ring.ts'
import { FileKeyStore, MemoryKeyStore, type KeyPurpose } from './key-store.ts'
import { makeStateFolder, StateError } from './state-files.ts'

/** Purposes whose keys outlive the process. The key of proofs does not: tokens bound to it are in memory as well. */
const KEPT: readonly KeyPurpose[] = ['sts', 'client', 'result']

/** How often the files are looked at, and ages, ms. */
const REFRESH_MS = 15_000

export interface KeysOptions {
  /** The state folder; undefined: keys live as long as the process. */
  readonly folder: string | undefined
  readonly clock: Clock
  /** How long a key signs before the next one takes over, s. */
  readonly lifetime: number
  /** The longest life of what is signed, and the skew others allow for, s. */
  readonly overlap: number
}

/** All keys of a node, one ring for each purpose. */
export class Keys {
  readonly #rings: ReadonlyMap<KeyPurpose, KeyRing>
  readonly #folder: string | undefined
  #timer: NodeJS.Timeout | undefined

  private constructor(rings: ReadonlyMap<KeyPurpose, KeyRing>, folder: string | undefined) {
    this.#rings = rings
    this.#folder = folder
  }

  /**
   * Reads the keys, and makes those that are not there yet, readable by their owner only.
   *
   * @throws StateError naming the file that is damaged, open to others, or cannot be read or written
   */
  static async open(options: KeysOptions): Promise<Keys> {
    if (options.folder !== undefined) await makeStateFolder(options.folder)
    const { clock, lifetime, overlap } = options
    const policy: KeyPolicy = { lifetime, overlap, lead: KEY_LEAD_SECONDS }
    const rings = new Map<KeyPurpose, KeyRing>()
    for (const purpose of KEPT) {
      const { folder } = options
      const store =
        folder === undefined
          ? new MemoryKeyStore()
          : new FileKeyStore(keyFile(folder, purpose), purpose)
      rings.set(purpose, await KeyRing.open({ store, policy, clock }))
    }
    const forProcess: KeyPolicy = { ...policy, lifetime: undefined }
    rings.set(
      'dpop',
      await KeyRing.open({ store: new MemoryKeyStore(), policy: forProcess, clock }),
    )
    const keys = new Keys(rings, options.folder)
    keys.#refuseReuse()
    return keys
  }

  ring(purpose: KeyPurpose): KeyRing {
    const ring = this.#rings.get(purpose)
    if (ring === undefined) throw new RangeError(`there is no ring "${purpose}"`)
    return ring
  }

  /**
   * Takes up what other processes changed (`banyan keys rotate`), and does what is due by age.
   *
   * @throws StateError, and then the keys of that purpose stay as they were
   */
  async refresh(): Promise<void> {
    for (const ring of this.#rings.values()) await ring.refresh()
    this.#refuseReuse()
  }

  /** Refreshes now and then until `close()`. @param report gets what refreshing throws */
  start(report: (error: unknown) => void): void {
    this.#timer ??= setInterval(() => {
      this.refresh().catch(report)
    }, REFRESH_MS).unref()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** A copied file must not make one key serve two purposes: a signature for the one would be good for the other. */
  #refuseReuse(): void {
    const seen = new Map<string, KeyPurpose>()
    for (const [purpose, ring] of this.#rings) {
      for (const { kid } of ring.states()) {
        const other = seen.get(kid)
        if (other !== undefined) {
          const problem = `holds a key that is also one of the purpose "${other}"`
          throw new StateError(keyFile(this.#folder ?? '', purpose), problem)
        }
        seen.set(kid, purpose)
      }
    }
  }
}

function keyFile(folder: string, purpose: KeyPurpose): string {
  return join(folder, `keys-${purpose}.json`)
}
