// Nodes whose callers are told apart by static keys, and callers who hold one.
import { randomBytes } from 'node:crypto'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import type { Era } from '../fixtures/wire.ts'
import { callerOf, type MeshCaller } from './caller.ts'

/** People by name, each with a key. */
export class Keyholders {
  #keys: ReadonlyMap<string, string>

  constructor(...names: readonly string[]) {
    this.#keys = new Map(names.map((name) => [name, randomBytes(32).toString('base64url')]))
  }

  /** The others, with the keys they have. */
  without(...gone: readonly string[]): Keyholders {
    const left = new Keyholders()
    left.#keys = new Map([...this.#keys].filter(([name]) => !gone.includes(name)))
    return left
  }

  /** `auth` of an endpoint that takes the keys, for everything there is. */
  auth(scopes: readonly string[] = ['*']): object {
    const keys = [...this.#keys].map(([name, key]) => ({ name, hash: hashStaticKey(key), scopes }))
    return { keys }
  }

  /** `clients`: each holder is a class of their own. */
  clients(): object {
    return Object.fromEntries([...this.#keys.keys()].map((name) => [name, { keys: name }]))
  }

  headers(name: string): { readonly authorization: string } {
    return { authorization: `Bearer ${this.#keys.get(name)}` }
  }

  caller(era: Era, url: string, name: string): Promise<MeshCaller> {
    return callerOf(era, url, { headers: this.headers(name) })
  }
}
