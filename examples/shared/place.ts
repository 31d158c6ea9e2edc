// A copy of an example to run and to change: in a folder of its own, and on ports that are free.
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const EXAMPLES = fileURLToPath(new URL('..', import.meta.url))

/** Addresses of examples: those of the port they name in their files. */
const ADDRESS = /\b127\.0\.0\.1:(74\d\d)\b/g

/** A copy of an example. */
export interface Place {
  readonly folder: string
  /** Path of a file of the example. */
  file(name: string): string
  /** A text with the ports that the copy has instead of those in it. */
  moved(text: string): string
  remove(): Promise<void>
}

/** Whether a file was written by people, and not by a node or a run. */
function isWritten(path: string): boolean {
  return !/(?:\.banyan|\.log|runs)$/.test(path)
}

async function freePort(): Promise<number> {
  // Below the ports that systems give out by themselves: no connection takes one before it is listened on.
  const port = 20_000 + randomInt(12_000)
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return freePort()
  }
  server.close()
  await once(server, 'close')
  return port
}

/**
 * Copies an example, so that its check neither changes its files nor needs its ports.
 *
 * @param here `import.meta.url` of a file in its folder
 */
export async function placeOf(here: string): Promise<Place> {
  const source = fileURLToPath(new URL('.', here))
  const root = await mkdtemp(join(tmpdir(), 'banyan-example-'))
  const folder = join(root, basename(source))
  // The server of the examples is where the files say.
  await symlink(join(EXAMPLES, 'shared'), join(root, 'shared'))
  await cp(source, folder, { recursive: true, filter: isWritten })
  const ports = new Map<string, number>()
  const moved = (text: string): string =>
    text.replace(ADDRESS, (_, port: string) => `127.0.0.1:${ports.get(port) ?? port}`)
  const files = (await readdir(folder, { recursive: true })).filter((name) => /\.ya?ml$/.test(name))
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')))
  const named = new Set(texts.flatMap((text) => [...text.matchAll(ADDRESS)].map((one) => one[1])))
  for (const port of named) if (port !== undefined) ports.set(port, await freePort())
  for (const [at, name] of files.entries()) {
    await writeFile(join(folder, name), moved(texts[at] ?? ''))
  }
  return {
    folder,
    file: (name) => join(folder, name),
    moved,
    remove: () => rm(root, { recursive: true, force: true }),
  }
}
