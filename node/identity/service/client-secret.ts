import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { Lru } from '../lru.ts'
import { SingleFlight } from '../single-flight.ts'
import { Rates } from './rates.ts'

/** Costs of one derivation (RFC 7914 §2). */
interface Costs {
  readonly N: number
  readonly r: number
  readonly p: number
}

/** 16 MiB and some 30 ms for each guess. */
const COSTS: Costs = { N: 16_384, r: 8, p: 1 }
const SALT_BYTES = 16
const HASH_BYTES = 32
/** Secrets that need not be derived again. */
const KNOWN = 1_000
/** Guesses for one client in a minute: nobody may have this process derive keys all day. */
const GUESSES_PER_MINUTE = 20
/** The longest secret that is looked at, characters. */
const MAX_SECRET = 1_024

const FORM = /^scrypt\$(\d{1,8})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]+)$/

/** How the secret of a client is kept: `scrypt$<N>$<r>$<p>$<salt>$<hash>`, salt and hash base64url. */
export async function hashClientSecret(secret: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(secret, salt, { ...COSTS, bytes: HASH_BYTES })
  const { N, r, p } = COSTS
  return `scrypt$${N}$${r}$${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

/** Checks secrets of clients against their hashes. Right ones are derived once in a while, wrong ones a few times a minute. */
export class SecretChecker {
  readonly #guesses: Rates
  /** Under a key of this process, so that a view of its memory gives nothing to guess on. */
  readonly #key = randomBytes(32)
  readonly #known = new Lru<string, true>(KNOWN)
  readonly #flights = new SingleFlight<string, boolean>()

  constructor(clock: Clock) {
    this.#guesses = new Rates(clock)
  }

  /**
   * Whether `secret` is the one of `hash`.
   *
   * @throws TooManyRequests after twenty guesses for a client within a minute
   */
  async isRight(client: string, secret: string, hash: string): Promise<boolean> {
    if (secret.length > MAX_SECRET) return false
    const digest = this.#digest(client, secret, hash)
    if (this.#known.get(digest) === true) return true
    return this.#flights.run(digest, async () => {
      this.#guesses.take(client, GUESSES_PER_MINUTE)
      const right = await matches(secret, hash)
      if (right) this.#known.set(digest, true)
      return right
    })
  }

  #digest(...parts: readonly string[]): string {
    const text = parts.map((part) => `${part.length} ${part}`).join('')
    return createHmac('sha256', this.#key).update(text).digest('base64url')
  }
}

async function matches(secret: string, hash: string): Promise<boolean> {
  const [, n, r, p, salt = '', expected = ''] = FORM.exec(hash) ?? []
  if (n === undefined) return false
  const wanted = Buffer.from(expected, 'base64url')
  const costs = { N: Number(n), r: Number(r), p: Number(p), bytes: wanted.length }
  const found = await derive(secret, Buffer.from(salt, 'base64url'), costs)
  return timingSafeEqual(found, wanted)
}

function derive(
  secret: string,
  salt: Buffer,
  { bytes, ...costs }: Costs & { readonly bytes: number },
): Promise<Buffer> {
  const maxmem = 256 * costs.N * costs.r
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, bytes, { ...costs, maxmem }, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
