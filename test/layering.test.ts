// The walls, re-derived from source so that no lint comment can open them.
import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { posix } from 'node:path'
import { expect, test } from 'vitest'

const FLOOR = ['protocol', 'topology', 'node/core'] as const

/** Folder -> folders it may import, besides itself. Longest match wins. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  protocol: [],
  topology: ['protocol'],
  'node/core': ['protocol', 'topology'],
  'node/inbound': FLOOR,
  'node/outbound': FLOOR,
  'node/identity': FLOOR,
  'node/hop': [...FLOOR, 'node/outbound', 'node/identity'],
  'node/control': [...FLOOR, 'node/outbound', 'node/identity', 'node/hop'],
  'node/main': ['protocol', 'topology', 'node'],
}

/** Package, or scope of packages -> the only source files that may import it. */
const ONLY_IN: Record<string, RegExp> = {
  '@modelcontextprotocol': /^node\/(inbound|outbound)\//,
  '@nats-io': /^topology\/bus-nats\.ts$/,
  jose: /^node\/identity\//,
  minisearch: /^node\/hop\/search\/tool-index\.ts$/,
  nats: /^topology\/bus-nats\.ts$/,
  pino: /^node\/core\/logger\.ts$/,
  ws: /^node\/(inbound|outbound)\//,
}

/** Built-in modules that neither do I/O nor read a clock: all that protocol and topology may have. */
const PURE_BUILTINS = new Set(['assert', 'buffer', 'crypto', 'path', 'url', 'util'])

const SPECIFIER = /(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g

/** Examples in docstrings import the package as its users do. */
const COMMENT = /\/\*[^]*?\*\//g

const files = globSync('{protocol,topology,node}/**/*.ts')

const imports = files.flatMap((file) =>
  [...readFileSync(file, 'utf8').replace(COMMENT, '').matchAll(SPECIFIER)].map((match) => ({
    file,
    specifier: match[1] ?? '',
  })),
)

function layerOf(path: string): string | undefined {
  return Object.keys(MAY_IMPORT)
    .filter((layer) => path.startsWith(`${layer}/`))
    .toSorted((a, b) => b.length - a.length)[0]
}

function isOneOf(specifier: string, owner: string): boolean {
  return specifier === owner || specifier.startsWith(`${owner}/`)
}

function ownName(): string {
  const manifest: unknown = JSON.parse(readFileSync('package.json', 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'name' in manifest
    ? String(manifest.name)
    : ''
}

function report(found: readonly { file: string; specifier: string }[]): string[] {
  return found.map(({ file, specifier }) => `${file} -> ${specifier}`)
}

test('there is source to check', () => {
  expect(files.length).toBeGreaterThan(0)
})

test('every source file belongs to a layer', () => {
  expect(files.filter((file) => layerOf(file) === undefined)).toEqual([])
})

test('imports only point down', () => {
  const offenders = imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .filter(({ file, specifier }) => {
      const layer = layerOf(file) ?? ''
      const target = posix.join(posix.dirname(file), specifier)
      return ![layer, ...(MAY_IMPORT[layer] ?? [])].some((allowed) =>
        target.startsWith(`${allowed}/`),
      )
    })
  expect(report(offenders)).toEqual([])
})

test('no alias hides a path', () => {
  const self = ownName()
  const offenders = imports.filter(
    ({ specifier }) => /^[#/]|^file:/.test(specifier) || isOneOf(specifier, self),
  )
  expect(report(offenders)).toEqual([])
})

test('packages are imported only where they belong', () => {
  const offenders = imports.filter(({ file, specifier }) =>
    Object.entries(ONLY_IN).some(
      ([owner, where]) => isOneOf(specifier, owner) && !where.test(file),
    ),
  )
  expect(report(offenders)).toEqual([])
})

test('protocol and topology do no I/O', () => {
  const offenders = imports
    .filter(({ file }) => /^(protocol|topology)\//.test(file) && file !== 'topology/bus-nats.ts')
    .filter(({ specifier }) => isBuiltin(specifier))
    .filter(({ specifier }) => !PURE_BUILTINS.has(specifier.replace(/^node:/, '')))
  expect(report(offenders)).toEqual([])
})
