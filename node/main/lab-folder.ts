import { createHash, type Hash } from 'node:crypto'
import {
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { LabSink } from '../../topology/lab/diary.ts'

/** Characters gathered before they are written. */
const CHUNK = 65_536

/** A file that is written line by line. */
class Lines {
  readonly #file: number | undefined
  readonly #hash: Hash = createHash('sha256')
  #waiting = ''

  /** @param file undefined: only the digest is wanted */
  constructor(file: string | undefined) {
    this.#file = file === undefined ? undefined : openSync(file, 'wx')
  }

  add(line: string): void {
    this.#waiting += `${line}\n`
    if (this.#waiting.length >= CHUNK) this.#flush()
  }

  /** Ends it. @returns SHA-256 of all of it, hex */
  close(): string {
    this.#flush()
    if (this.#file !== undefined) closeSync(this.#file)
    return this.#hash.digest('hex')
  }

  #flush(): void {
    this.#hash.update(this.#waiting)
    if (this.#file !== undefined) writeSync(this.#file, this.#waiting)
    this.#waiting = ''
  }
}

/** What a run writes while it goes. */
export class RunLog implements LabSink {
  readonly #events: Lines
  readonly #metrics: Lines

  /** @param folder undefined: nothing is kept, only the digest is wanted */
  constructor(folder?: string) {
    const within = (name: string): string | undefined =>
      folder === undefined ? undefined : join(folder, name)
    this.#events = new Lines(within('events.ndjson'))
    this.#metrics = new Lines(within('metrics.csv'))
    this.#metrics.add('t,node,metric,value')
  }

  readonly event = (line: string): void => this.#events.add(line)
  readonly metric = (row: string): void => this.#metrics.add(row)

  /** Ends it. @returns SHA-256 of the events, hex */
  close(): string {
    this.#metrics.close()
    return this.#events.close()
  }
}

/** Makes the folder of a run: `<parent>/<name>/<UTC>-s<seed>`. */
export function makeFolder(parent: string, name: string, seed: number): string {
  const time = new Date().toISOString().replaceAll(/[-:]|\.[0-9]+/g, '')
  mkdirSync(join(parent, name), { recursive: true })
  for (let again = 1; ; again += 1) {
    const leaf = again === 1 ? `${time}-s${seed}` : `${time}-s${seed}-${again}`
    try {
      mkdirSync(join(parent, name, leaf))
      return join(parent, name, leaf)
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error
    }
  }
}

/** `<parent>/<name>/latest` leads to the folder from now on, where links may be made. */
export function pointLatest(parent: string, name: string, folder: string): void {
  const link = join(parent, name, 'latest')
  const leaf = folder.slice(join(parent, name).length + 1)
  try {
    rmSync(link, { force: true })
    symlinkSync(leaf, link)
  } catch (error) {
    // Several runs at a time, or a file system without links: the folders are there all the same.
    if (!isCode(error, 'EEXIST') && !isCode(error, 'EPERM')) throw error
  }
}

export function writeJson(file: string, value: unknown): void {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`)
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
