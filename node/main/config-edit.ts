import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { parseConfigText } from '../core/config-file.ts'
import type { Environment } from '../core/config-substitution.ts'
import { fragment, insertYaml, NotInsertable, type Insertion } from './yaml-insert.ts'

/** How a configuration file is changed. */
export interface Edit {
  /** What the file holds when there is none yet. Default: there must be one. */
  readonly fresh?: string | undefined
  /** Where `${NAME}` is looked up. Default: the environment of the process. */
  readonly env?: Environment | undefined
}

/**
 * Puts values into a configuration file, all or none, and only when what comes of it is a configuration. What stands there
 * stays as it is, to the byte.
 *
 * @throws ConfigError when it would be none; Error that says what to put there by hand, when there is no room for it
 */
export async function putInto(
  file: string,
  insertions: readonly Insertion[],
  { fresh, env }: Edit = {},
): Promise<void> {
  const before = await textOf(file, fresh)
  const text = inserted(before, file, insertions)
  parseConfigText(text, file, env)
  await replace(file, text)
}

async function textOf(file: string, fresh: string | undefined): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (fresh === undefined || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return fresh
  }
}

function inserted(before: string, file: string, insertions: readonly Insertion[]): string {
  try {
    return insertions.reduce(insertYaml, before)
  } catch (error) {
    if (!(error instanceof NotInsertable)) throw error
    const advice = 'nothing was written; put this there yourself:'
    const parts = insertions.map(fragment).join('')
    throw new Error(`${file}: ${error.message}; ${advice}\n${parts}`, { cause: error })
  }
}

/** Whole or not at all, with the permissions it had; one that is new is for its owner alone. */
async function replace(file: string, text: string): Promise<void> {
  const mode = await stat(file).then(
    (found) => found.mode,
    () => 0o600,
  )
  const draft = `${file}.${process.pid}.new`
  await writeFile(draft, text, { mode, flag: 'wx' })
  await rename(draft, file)
}
