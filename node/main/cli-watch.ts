import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'

/** Time after the last change of a file before it is read, milliseconds: editors write in several steps. */
const SETTLE_MS = 100

/**
 * Calls `changed` with a file that was written or replaced, until the returned function is called. Folders are watched
 * and not files, because editors put a new file in the place of the old one.
 */
export function watchFiles(files: readonly string[], changed: (file: string) => void): () => void {
  const timers = new Map<string, NodeJS.Timeout>()
  const touch = (file: string): void => {
    clearTimeout(timers.get(file))
    timers.set(
      file,
      setTimeout(() => changed(file), SETTLE_MS),
    )
  }
  const watchers = [...byFolder(files)].map(([folder, members]): FSWatcher =>
    watch(folder, (_event, name) => {
      const file = name === null ? undefined : members.get(name)
      if (file !== undefined) touch(file)
    }),
  )
  return () => {
    for (const watcher of watchers) watcher.close()
    for (const timer of timers.values()) clearTimeout(timer)
  }
}

function byFolder(files: readonly string[]): Map<string, Map<string, string>> {
  const folders = new Map<string, Map<string, string>>()
  for (const file of files) {
    const folder = dirname(resolve(file))
    const members = folders.get(folder) ?? new Map<string, string>()
    folders.set(folder, members.set(basename(file), file))
  }
  return folders
}
