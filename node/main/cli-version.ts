import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const PACKAGE = 'banyan-mcp'

function versionIn(folder: string): string | undefined {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return undefined
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; version?: unknown }
  return manifest.name === PACKAGE && typeof manifest.version === 'string'
    ? manifest.version
    : undefined
}

/**
 * The version of this package, from the manifest above this file: two folders up in the checkout, three in `dist`.
 *
 * @throws when there is none, which means a broken installation.
 */
export function packageVersion(start: string = import.meta.dirname): string {
  const version = versionIn(start)
  if (version !== undefined) return version
  if (dirname(start) === start) throw new Error(`the package.json of ${PACKAGE} is missing`)
  return packageVersion(dirname(start))
}
