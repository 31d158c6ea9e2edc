// What the console serves: a fixed table, and nothing that a path can be bent to.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConsoleFiles } from '../../../node/control/console-files.ts'

const files = new ConsoleFiles()

const BENT = [
  '',
  '.',
  '..',
  '../console-files.ts',
  '..%2fconsole-files.ts',
  '%2e%2e/console-files.ts',
  './main.js',
  '/main.js',
  '//main.js',
  'main.js/',
  'main.js?x',
  'MAIN.JS',
  'main.js\0.html',
  'vendor/',
  'vendor/../main.js',
  'vendor/cytoscape.cjs.js',
  'vendor/cytoscape.esm.min.mjs',
  '..\\main.js',
  '/etc/passwd',
  'constructor',
  '__proto__',
]

test('it has its own files and one library', () => {
  expect(files.names).toEqual(
    expect.arrayContaining([
      'index.html',
      'console.css',
      'icon.svg',
      'main.js',
      'vendor/cytoscape.js',
    ]),
  )
  expect(files.names.filter((name) => name.startsWith('vendor/'))).toHaveLength(1)
})

test.each(BENT)('it has no %j', (name) => expect(files.has(name)).toBe(false))

test('it has no name but those it says', () => {
  expect.hasAssertions()
  fc.assert(
    fc.property(fc.string(), (name) => {
      expect(files.has(name)).toBe(files.names.includes(name))
    }),
  )
})

test('all are served with a policy that lets in nothing from elsewhere, and nothing inline', async () => {
  for (const name of files.names) {
    const { headers = [], type, status, body } = await files.answer(name, undefined)
    const of = (wanted: string): string => headers[headers.indexOf(wanted) + 1] ?? ''
    expect([name, status]).toEqual([name, 200])
    expect(type).toMatch(/^(text\/(html|css|javascript); charset=utf-8|image\/svg\+xml)$/)
    expect(of('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    expect(of('x-content-type-options')).toBe('nosniff')
    expect(of('referrer-policy')).toBe('no-referrer')
    expect(of('cross-origin-opener-policy')).toBe('same-origin')
    expect(Buffer.isBuffer(body)).toBe(true)
  }
})

test('what somebody has already is not sent again', async () => {
  const { headers = [] } = await files.answer('main.js', undefined)
  const tag = headers[headers.indexOf('etag') + 1] ?? ''
  expect(tag).toMatch(/^"[\w-]{22}"$/)
  const status = async (known: string): Promise<unknown> =>
    (await files.answer('main.js', known)).status
  expect(await Promise.all([tag, `W/${tag}`, `"a", ${tag}`, '"a"', '', '*'].map(status))).toEqual([
    304, 304, 304, 200, 200, 200,
  ])
})

test('the page has no script, style or listener of its own text, and asks nobody else', async () => {
  const folder = fileURLToPath(new URL('../../../node/control/console/', import.meta.url))
  for (const name of files.names.filter((one) => !one.startsWith('vendor/'))) {
    const text = await readFile(`${folder}${name}`, 'utf8')
    expect([
      name,
      text.match(/\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\()/),
    ]).toEqual([name, null])
    expect([name, text.match(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/)]).toEqual([name, null])
    if (!name.endsWith('.html')) continue
    expect(text).not.toMatch(/<style|<script(?![^>]*\ssrc=)|\son[a-z]+=|\sstyle=/)
  }
})
