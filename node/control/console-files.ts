import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AdminAnswer } from '../core/admin.ts'

/** Where the console is served. */
export const CONSOLE_BASE = '/console/'

/** Only what stands here is ever served, whatever lies beside it. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Files of other packages, by the path they are served at. */
const VENDOR: Readonly<Record<string, readonly [from: string, file: string]>> = {
  'vendor/cytoscape.js': ['cytoscape', 'cytoscape.esm.min.mjs'],
}

/** Everything is of this node, nothing is inline, and no other page may frame it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const GUARDS = [
  'cache-control',
  'no-cache',
  'content-security-policy',
  POLICY,
  'cross-origin-opener-policy',
  'same-origin',
  'cross-origin-resource-policy',
  'same-origin',
  'referrer-policy',
  'no-referrer',
  'x-content-type-options',
  'nosniff',
  'x-frame-options',
  'DENY',
]

interface Kept {
  readonly body: Buffer
  readonly tag: string
}

/** The console: a table of files that is made once. What is asked for is looked up in it and never becomes a path. */
export class ConsoleFiles {
  readonly #places: ReadonlyMap<string, string>
  readonly #kept = new Map<string, Promise<Kept>>()

  /** @param folder default: that of the program */
  constructor(folder: string = fileURLToPath(new URL('console/', import.meta.url))) {
    const own = readdirSync(folder)
      .filter((name) => TYPES[extname(name)] !== undefined)
      .map((name): [string, string] => [name, join(folder, name)])
    this.#places = new Map([...own, ...vendorPlaces()])
  }

  /** What is served, below {@link CONSOLE_BASE}. */
  get names(): readonly string[] {
    return [...this.#places.keys()]
  }

  has(name: string): boolean {
    return this.#places.has(name)
  }

  /**
   * @param name one of {@link names}
   * @param known the value of `If-None-Match`
   */
  async answer(name: string, known: string | undefined): Promise<AdminAnswer> {
    const { body, tag } = await this.#read(name)
    const type = TYPES[extname(name)] ?? 'application/octet-stream'
    const headers = [...GUARDS, 'etag', tag]
    const isKnown = known?.split(',').some((one) => one.trim().replace(/^W\//, '') === tag) === true
    return { body, type, headers, status: isKnown ? 304 : 200 }
  }

  #read(name: string): Promise<Kept> {
    const known = this.#kept.get(name)
    if (known !== undefined) return known
    const read = readFile(this.#places.get(name) ?? '').then((body) => {
      const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
      return { body, tag }
    })
    this.#kept.set(name, read)
    // What could not be read may be there the next time.
    read.catch(() => this.#kept.delete(name))
    return read
  }
}

function vendorPlaces(): readonly [string, string][] {
  const { resolve } = createRequire(import.meta.url)
  return Object.entries(VENDOR).map(([served, [from, file]]) => [
    served,
    join(dirname(resolve(from)), file),
  ])
}
