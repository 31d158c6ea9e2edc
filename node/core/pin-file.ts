import { randomBytes } from 'node:crypto'
import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { readPins, writePins, type Pins } from '../../protocol/provenance/pins.ts'

/** The file of pins cannot be used; the message names it and says why. */
export class PinFileError extends Error {
  override readonly name = 'PinFileError'
}

/** The file of pinned descriptions. Read anew whenever it has changed. */
export class PinFile {
  readonly path: string
  #stamp = ''
  #pins: Pins = new Map()

  constructor(path: string) {
    this.path = path
  }

  /** What is pinned; nothing where there is no file. @throws PinFileError */
  async read(): Promise<Pins> {
    try {
      const stamp = await this.#look()
      if (stamp !== this.#stamp) {
        // What is wrong with a file is told once for each time it is written.
        this.#stamp = stamp
        this.#pins = new Map()
        if (stamp !== '') this.#pins = readPins(await readFile(this.path))
      }
      return this.#pins
    } catch (error) {
      throw this.#error(error)
    }
  }

  /** Whether the file is another one than was read last. Never rejects. */
  async changed(): Promise<boolean> {
    return (await this.#look().catch(() => this.#stamp)) !== this.#stamp
  }

  /** What tells one file from another; empty where there is none. */
  async #look(): Promise<string> {
    try {
      const { ino, mtimeMs, size } = await stat(this.path)
      return `${ino} ${mtimeMs} ${size}`
    } catch (error) {
      if (isMissing(error)) return ''
      throw error
    }
  }

  /** Replaces the file as a whole. @throws PinFileError */
  async write(pins: Pins): Promise<void> {
    const temporary = `${this.path}.${randomBytes(6).toString('hex')}`
    try {
      await writeFile(temporary, writePins(pins), { flag: 'wx' })
      await rename(temporary, this.path)
    } catch (error) {
      throw this.#error(error)
    }
  }

  #error(error: unknown): PinFileError {
    const reason = error instanceof Error ? error.message : 'it cannot be used'
    return new PinFileError(`${this.path}: ${reason}`, { cause: error })
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
