import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** A file of the state folder cannot be used. It is left as it is: only its owner can tell what it was. */
export class StateError extends Error {
  override readonly name: string = 'StateError'
  readonly file: string

  constructor(file: string, problem: string, cause?: unknown) {
    super(`${file}: ${problem}`, { cause })
    this.file = file
  }
}

/** Permission bits of group and others. */
const NOT_OWNER = 0o077

/** How long a change to a file may take before its lock counts as left behind by a process that is gone, ms. */
const STALE_LOCK_MS = 10_000
const LOCK_RETRY_MS = 20

/** Makes the state folder and what is missing above it, for its owner only. */
export async function makeStateFolder(folder: string): Promise<void> {
  await attempt(folder, 'cannot be made', () => mkdir(folder, { recursive: true, mode: 0o700 }))
}

/**
 * The text of a file, which is made when it is not there yet. Of two processes that start at once the first wins, for
 * both.
 *
 * @throws StateError when it cannot be read or written
 */
export async function readOrMake(file: string, make: () => string): Promise<string> {
  const text = await readIfThere(file)
  if (text !== undefined) return text
  await attempt(file, 'cannot be written', () => createAtomically(file, make()))
  return attempt(file, 'cannot be read', () => readFile(file, 'utf8'))
}

/** The text of a file, or undefined where there is none. @throws StateError when it cannot be read */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw new StateError(file, 'cannot be read', error)
  }
}

/**
 * Refuses a file that somebody besides its owner may read or write; one that is not there is fine. Windows has no such
 * bits: there the folder's own rights are all there is.
 *
 * @throws StateError that says which command mends it
 */
export async function refuseExposed(file: string): Promise<void> {
  if (process.platform === 'win32') return
  const mode = await attempt(file, 'cannot be read', () => modeOf(file))
  if ((mode & NOT_OWNER) === 0) return
  throw new StateError(file, `can be used by others than its owner; run: chmod 600 ${file}`)
}

async function modeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).mode
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0
    throw error
  }
}

/** What changes whenever a file does; undefined where there is none. */
export async function stampOf(file: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs, size } = await stat(file, { bigint: true })
    return `${ino}-${mtimeNs}-${size}`
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw new StateError(file, 'cannot be read', error)
  }
}

/** Writes a file so that a crash leaves the old text or the new one, whole. @throws StateError */
export async function replaceAtomically(file: string, text: string): Promise<void> {
  await attempt(file, 'cannot be written', async () => {
    const draft = await writeDraft(file, text)
    try {
      await rename(draft, file)
      await syncFolder(dirname(file))
    } finally {
      await rm(draft, { force: true })
    }
  })
}

/**
 * Does `work` while no other process changes `file`: readers need no lock, because files change atomically.
 *
 * @throws StateError when the lock cannot be had within twenty seconds; one left behind is taken over after ten
 */
export async function whileLocked<T>(file: string, work: () => Promise<T>): Promise<T> {
  const lock = `${file}.lock`
  const handle = await attempt(lock, 'cannot be locked', () => takeLock(lock))
  try {
    return await work()
  } finally {
    await handle.close()
    await rm(lock, { force: true })
  }
}

async function takeLock(lock: string): Promise<FileHandle> {
  const giveUp = performance.now() + 2 * STALE_LOCK_MS
  for (;;) {
    try {
      return await open(lock, 'wx', 0o600)
    } catch (error) {
      if (!hasCode(error, 'EEXIST') || performance.now() > giveUp) throw error
    }
    if (await isStale(lock)) await rm(lock, { force: true })
    else await pause(LOCK_RETRY_MS)
  }
}

async function isStale(lock: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(lock)).mtimeMs > STALE_LOCK_MS
  } catch {
    return false
  }
}

/** A crash in between leaves the whole file or none. */
async function createAtomically(file: string, text: string): Promise<void> {
  const draft = await writeDraft(file, text)
  try {
    await link(draft, file)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function writeDraft(file: string, text: string): Promise<string> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
  return draft
}

/** Makes a rename last; some systems cannot open folders, and lose at most the change. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  try {
    await handle?.sync().catch(() => undefined)
  } finally {
    await handle?.close()
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

async function attempt<T>(file: string, problem: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof StateError ? error : new StateError(file, problem, error)
  }
}
