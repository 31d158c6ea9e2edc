import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { UsageError, type CommandContext } from './cli-command.ts'

/** What `--key-file` holds; undefined without it. @throws UsageError when it cannot be read, or is no key */
export async function keyOf({ options, stdin }: CommandContext): Promise<string | undefined> {
  const file = options.text('key-file')
  if (file === undefined) return undefined
  const given = file === '-' ? await text(stdin) : await readKey(file)
  const key = given.trim()
  if (/^[\x21-\x7e]+$/.test(key)) return key
  throw new UsageError(`${file === '-' ? 'standard input' : file} holds no key`)
}

async function readKey(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new UsageError(`${file} cannot be read`, { cause })
  }
}
