import { isDeepStrictEqual } from 'node:util'
import { readClientDocument } from '../../../protocol/token/metadata-read.ts'
import type { ClientKeySource } from '../../core/config-identity-types.ts'
import type { GuardedDocument, GuardedRequest } from '../guarded-fetch.ts'
import type { KeyFinder } from '../jwt.ts'
import type { KeyRules } from '../key-set.ts'
import { RemoteKeys, StaticKeys } from '../remote-keys.ts'
import type { ServiceParts } from './settings.ts'

/** Whose keys are meant, from where, and which of them count. */
export interface KeyRequest {
  /** An issuer or a client id: two of them never share a finder, whatever they publish. */
  readonly of: string
  readonly source: ClientKeySource
  readonly rules: KeyRules
}

interface Kept {
  readonly finder: KeyFinder
  readonly close: () => void
}

/**
 * Keys of clients and other issuers. When the configuration changes, what was fetched stays for those whose part of it
 * did not.
 */
export class KeySources {
  readonly #parts: Pick<ServiceParts, 'fetch' | 'clock'>
  #kept = new Map<string, Kept>()
  #before = new Map<string, Kept>()

  constructor(parts: Pick<ServiceParts, 'fetch' | 'clock'>) {
    this.#parts = parts
  }

  /** Begins anew: what is not asked for until {@link finish} is let go of. */
  begin(): void {
    this.#before = new Map([...this.#before, ...this.#kept])
    this.#kept = new Map()
  }

  finish(): void {
    for (const [key, { close }] of this.#before) if (!this.#kept.has(key)) close()
    this.#before.clear()
  }

  /** @throws TypeError for more than a hundred keys in the configuration */
  find(request: KeyRequest): KeyFinder {
    const key = JSON.stringify(request)
    const kept = this.#kept.get(key) ?? this.#before.get(key) ?? this.#make(request)
    this.#kept.set(key, kept)
    return kept.finder
  }

  close(): void {
    this.begin()
    this.finish()
  }

  #make({ of, source, rules }: KeyRequest): Kept {
    if ('static' in source) {
      return { finder: new StaticKeys(source.static, rules), close: () => undefined }
    }
    const { clock, fetch } = this.#parts
    const options =
      'jwksUri' in source
        ? { fetch, locate: () => source.jwksUri }
        : {
            fetch: { getJson: this.#throughDocument(of, source.metadataUri) },
            locate: () => source.metadataUri,
          }
    const finder = new RemoteKeys({ rules, clock, ...options })
    return { finder, close: () => finder.close() }
  }

  /** Reads a client's metadata document, and the key set it names or holds. */
  #throughDocument(
    clientId: string,
    document: string,
  ): (url: string, request?: GuardedRequest) => Promise<GuardedDocument> {
    const { fetch } = this.#parts
    return async (_, request = {}) => {
      const { signal } = request
      const found = await fetch.getJson(document, signal === undefined ? {} : { signal })
      const { jwksUri, keys } = readClientDocument(found.json, clientId)
      return jwksUri === undefined
        ? { ...found, json: { keys: keys?.map((key) => ({ ...key })) ?? [] } }
        : fetch.getJson(jwksUri, request)
    }
  }
}

/** Whether two sources are the same, however their members stand. */
export function isSameSource(
  one: ClientKeySource | undefined,
  other: ClientKeySource | undefined,
): boolean {
  return isDeepStrictEqual(one, other)
}
