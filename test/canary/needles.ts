// What to look for: credentials, and every way their bytes may be written.

/** One text that must not go out. */
interface Needle {
  /** Name of the credential it is of. */
  readonly of: string
  readonly form: string
  readonly bytes: Buffer
  /** Equal bytes in a row that count as found. */
  readonly least: number
}

export interface Hit {
  readonly of: string
  readonly form: string
  /** Where it begins in what was searched, and where it ends. */
  readonly at: number
  readonly end: number
}

/** Bytes in a row by which a credential is known again. */
export const WINDOW = 20

/** Any window holds a whole block that begins at a multiple of its size. */
const BLOCK = 10

/** Credentials of one test file that are remembered; the oldest go first. */
const MOST = 2_000

const FILTER_SIZE = 1 << 16

/**
 * Credentials by the blocks of all their forms. A text is searched in one pass: a filter over four bytes leaves next to
 * nothing to look up.
 */
export class Needles {
  readonly #credentials = new Map<string, readonly Needle[]>()
  readonly #blocks = new Map<string, { needle: Needle; at: number }[]>()
  readonly #filter = new Uint8Array(FILTER_SIZE)

  get size(): number {
    return this.#credentials.size
  }

  has(credential: string): boolean {
    return this.#credentials.has(credential)
  }

  /** Adds a credential; what is short or monotonous cannot be told from chance. */
  add(credential: string, name: string): void {
    if (this.has(credential) || !isDistinct(credential)) return
    if (this.size >= MOST) this.#dropOldest()
    const needles = needlesOf(credential, name)
    this.#credentials.set(credential, needles)
    for (const needle of needles) this.#index(needle)
  }

  /** All credentials of which there is something in a text. */
  find(text: Buffer): Hit[] {
    const hits: Hit[] = []
    for (let at = 0; at + BLOCK <= text.length; at += 1) {
      if (this.#filter[filterKey(text, at)] === 0) continue
      for (const { needle, at: inside } of this.#blocks.get(blockAt(text, at)) ?? []) {
        const { of, form } = needle
        const place = matchAt(text, at, { needle, inside })
        const isKnown = hits.some((hit) => hit.of === of && hit.at === place?.at)
        if (place !== undefined && !isKnown) hits.push({ of, form, ...place })
      }
    }
    return hits
  }

  #index(needle: Needle): void {
    const { bytes, least } = needle
    // Of one that counts only as a whole, one block is enough.
    const last = least === bytes.length ? 0 : bytes.length - BLOCK
    for (let at = 0; at <= last; at += BLOCK) {
      const key = blockAt(bytes, at)
      const known = this.#blocks.get(key)
      if (known === undefined) this.#blocks.set(key, [{ needle, at }])
      else if (known.every((one) => one.needle !== needle)) known.push({ needle, at })
      this.#filter[filterKey(bytes, at)] = 1
    }
  }

  #dropOldest(): void {
    const [oldest] = this.#credentials
    if (oldest === undefined) return
    const [credential, needles] = oldest
    this.#credentials.delete(credential)
    for (const { bytes } of needles) {
      for (let at = 0; at + BLOCK <= bytes.length; at += BLOCK) {
        const key = blockAt(bytes, at)
        const left = this.#blocks.get(key)?.filter(({ needle }) => !needles.includes(needle))
        if (left === undefined || left.length === 0) this.#blocks.delete(key)
        else this.#blocks.set(key, left)
      }
    }
  }
}

/** Larger ones are refused before anybody looks at them. */
const LARGEST = 65_536
const LEAST_CHARACTERS = 8

function isDistinct(credential: string): boolean {
  const { length } = credential
  return length >= WINDOW && length <= LARGEST && new Set(credential).size >= LEAST_CHARACTERS
}

function filterKey(bytes: Buffer, at: number): number {
  const word = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16)
  return Math.imul(word ^ ((bytes[at + 3] ?? 0) << 21), 0x9e3779b1) >>> 16
}

function blockAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, at + BLOCK)
}

/** Where equal bytes around a block begin, if they are enough. */
function matchAt(
  text: Buffer,
  at: number,
  { needle, inside }: { readonly needle: Needle; readonly inside: number },
): Pick<Hit, 'at' | 'end'> | undefined {
  const { bytes, least } = needle
  let before = 0
  while (before < inside && at > before && text[at - before - 1] === bytes[inside - before - 1]) {
    before += 1
  }
  let after = 0
  while (
    inside + after < bytes.length &&
    at + after < text.length &&
    text[at + after] === bytes[inside + after]
  ) {
    after += 1
  }
  return before + after >= least ? { at: at - before, end: at + after } : undefined
}

/**
 * The forms of a credential. Header and payload of a JWT are mostly what other tokens, metadata and logs say too; its own
 * are the payload as a whole, and every part of the signature.
 */
function needlesOf(credential: string, of: string): Needle[] {
  const [header, payload, signature, ...more] = credential.split('.')
  const isJwt = header?.startsWith('eyJ') === true && more.length === 0
  if (!isJwt || payload === undefined || signature === undefined) return formsOf(credential, of)
  const whole = Buffer.from(payload)
  const parts: Needle[] =
    whole.length < WINDOW ? [] : [{ of, form: 'payload', bytes: whole, least: whole.length }]
  return signature.length < WINDOW ? parts : [...parts, ...formsOf(signature, of)]
}

/** Every window of a text, as it is and in the encodings it may be hidden in. */
function formsOf(text: string, of: string): Needle[] {
  const bytes = Buffer.from(text)
  const forms: [string, string][] = [
    ['raw', text],
    ['hex', bytes.toString('hex')],
    ['hex', bytes.toString('hex').toUpperCase()],
    ['reversed', text.split('').toReversed().join('')],
  ]
  if (encodeURIComponent(text) !== text) forms.push(['urlencoded', encodeURIComponent(text)])
  for (const skip of [0, 1, 2]) {
    // Within a longer text it may begin at any of three places of a group; what depends on its neighbours is left out.
    const cut = bytes.subarray(skip, skip + Math.floor((bytes.length - skip) / 3) * 3)
    const [plain, url] = [cut.toString('base64'), cut.toString('base64url')]
    forms.push(['base64', plain])
    if (url !== plain) forms.push(['base64', url])
  }
  return forms
    .filter(([, form]) => form.length >= WINDOW)
    .map(([form, written]) => ({ of, form, bytes: Buffer.from(written), least: WINDOW }))
}
