// What the processes run: the compiled code, as it is published, or the source, for a profile with readable lines.
import { execFile } from 'node:child_process'
import { copyFile, cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

/** The entries of the processes of a run. */
export interface Build {
  /** The command `banyan`. */
  readonly cli: string
  /** Every other process, see role.ts. */
  readonly role: string
  /** URL of the module that answers from inside a node, see probe.ts. */
  readonly probe: string
  /** Removes what was written. */
  discard(): Promise<void>
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Files of the console, which nobody compiles. */
const CONSOLE = 'node/control/console'

function entries(folder: string, extension: string): Omit<Build, 'discard'> {
  return {
    cli: join(folder, `node/main/cli.${extension}`),
    role: join(folder, `test/bench/role.${extension}`),
    probe: pathToFileURL(join(folder, `test/bench/probe.${extension}`)).href,
  }
}

/** The source, run by type stripping, which costs each process some 25 MB. */
export const SOURCE: Build = { ...entries(ROOT, 'ts'), discard: () => Promise.resolve() }

/** Compiles the checkout into a temporary folder laid out like the package. Types are not checked here. */
export async function compile(): Promise<Build> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-bench-build-'))
  const discard = (): Promise<void> => rm(folder, { recursive: true, force: true })
  const dist = join(folder, 'dist')
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  const wanted = ['--project', ROOT, '--outDir', dist, '--noCheck']
  try {
    await promisify(execFile)(process.execPath, [compiler, ...wanted])
    await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'))
    await cp(join(ROOT, CONSOLE), join(dist, CONSOLE), { recursive: true })
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
  } catch (cause) {
    await discard()
    throw cause
  }
  return { ...entries(dist, 'js'), discard }
}
