import { UriTemplate } from '@modelcontextprotocol/sdk/shared/uriTemplate.js'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  authorityOf,
  exposeTemplate,
  exposeUri,
  readExposed,
  type UriHome,
} from '../../protocol/uris.ts'
import { anyCharacter } from '../fixtures/any-character.ts'

const DOCS: UriHome = {
  organisation: 'acme',
  node: 'node-a',
  namespace: 'docs',
  source: 'files',
}
/** A pin: what clients have stored must still be read by the next version. */
const AUTHORITY = 'docs.gswo2prahtsusap7.banyan'

const label = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,5}$/)
const home: fc.Arbitrary<UriHome> = fc.record({
  organisation: fc.oneof(fc.constantFrom('acme', 'globex'), fc.string()),
  node: fc.constantFrom('node-a', 'node-b'),
  namespace: fc.oneof(
    fc.constantFrom('docs', 'Docs', 'do_cs', 'xn--docs', 'x--y', '-', 'é', 'x'.repeat(99)),
    fc.string({ unit: anyCharacter, minLength: 1 }),
  ),
  source: fc.oneof(fc.constantFrom('files', 'Files', 'c', 'a_b'), label),
})

/** One of the words of a text. */
function among(words: string): fc.Arbitrary<string> {
  return fc.constantFrom(...words.split(' '))
}

const scheme = among(
  'file ui skill http https ws wss ftp banyan FILE HTTPS Banyan urn mailto a+b-c.d1 test',
)
/** A character of a URI, or an escape. */
const legal = fc.oneof(
  { weight: 8, arbitrary: among('a b z A Z 0 9 - . _ ~') },
  { weight: 4, arbitrary: among("/ / . . : @ ! $ & ' ( ) * + , ; =") },
  { weight: 1, arbitrary: among('%20 %2e %2E%2e %C3%A9 %ff %25 %2F') },
)
const illegal = fc.oneof(
  among('[ ] { } | \\ ^ ` " < > % # ? é ☃ 𝄞 .. /'),
  fc.constantFrom(' ', '\t', '\n', '\0'),
)
const path = fc.string({ unit: legal, maxLength: 24 })
const tail = fc.string({ unit: fc.oneof(legal, fc.constant('?')), maxLength: 8 })
const marked = (mark: string): fc.Arbitrary<string> =>
  fc.option(tail, { nil: undefined }).map((text) => (text === undefined ? '' : mark + text))
/** What RFC 3986 allows. */
const legalUri = fc
  .tuple(
    scheme,
    fc.constantFrom('//host', '//', '//u@[::1]:8', '/', ''),
    path,
    marked('?'),
    marked('#'),
  )
  .map(([name, authority, ...rest]) => {
    const [first, ...others] = rest
    // Behind an authority a path begins with a slash, and without one it does not begin with two.
    const sound = authority.startsWith('//') ? `/${first}` : first.replace(/^\/+/, '')
    return `${name}:${authority}${sound}${others.join('')}`
  })
/** What servers may send: anything. */
const anyText = fc.oneof(
  legalUri,
  fc.string({ unit: anyCharacter }),
  fc.string({ unit: fc.oneof(legal, illegal) }),
  fc
    .tuple(scheme, fc.string({ unit: fc.oneof(legal, fc.constantFrom('\ud800', '\udc00', '𝄞')) }))
    .map(([name, rest]) => `${name}:${rest}`),
)

/** RFC 3986, appendix A, with an authority of our form. */
const PCHAR = "(?:[A-Za-z0-9\\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
const RFC_3986 = new RegExp(
  `^[A-Za-z][A-Za-z0-9+.-]*://[a-z0-9.-]+(?:/${PCHAR}*)*(?:\\?(?:${PCHAR}|[/?])*)?(?:#(?:${PCHAR}|[/?])*)?$`,
  'u',
)

const RUNS = { numRuns: 1_000 }

describe('the form, which clients and other nodes depend on', () => {
  test.each([
    ['file:///a/b.md', `file://${AUTHORITY}/files////a/b.md`],
    ['file:///C:/a', `file://${AUTHORITY}/files////C:/a`],
    ['ui://weather/view.html', `ui://${AUTHORITY}/files///weather/view.html`],
    ['skill://pdf/SKILL.md', `skill://${AUTHORITY}/files///pdf/SKILL.md`],
    ['urn:isbn:123', `urn://${AUTHORITY}/files/isbn:123`],
    ['test://static-text', `test://${AUTHORITY}/files///static-text`],
    ['db://h/t?q=1#top', `db://${AUTHORITY}/files///h/t?q=1#top`],
    ['https://h/a?b#c', `banyan://${AUTHORITY}/files/https://h/a?b#c`],
    ['http://h', `banyan://${AUTHORITY}/files/http://h`],
    ['ws://h', `banyan://${AUTHORITY}/files/ws://h`],
    ['ftp://h', `banyan://${AUTHORITY}/files/ftp://h`],
    ['WSS://h', `banyan://${AUTHORITY}/files/WSS://h`],
    ['config', `banyan://${AUTHORITY}/files/config`],
    ['', `banyan://${AUTHORITY}/files/`],
    ['1a:b', `banyan://${AUTHORITY}/files/1a:b`],
    ['banyan:x', `banyan://${AUTHORITY}/files/banyan:x`],
    // What cannot stand there as it is.
    ['file:///a b', `file://${AUTHORITY}/files~%2F%2F%2Fa%20b`],
    ['http://[::1]/', `banyan://${AUTHORITY}/files~http%3A%2F%2F%5B%3A%3A1%5D%2F`],
    ['note:100%', `note://${AUTHORITY}/files~100%25`],
    ['note:a#b#c', `note://${AUTHORITY}/files~a%23b%23c`],
    ['note:é', `note://${AUTHORITY}/files~%C3%A9`],
    ['note:\ud800', `note://${AUTHORITY}/files~%ED%A0%80`],
    ['file:///{x}', `file://${AUTHORITY}/files~%2F%2F%2F%7Bx%7D`],
    ['file:///a/../../b', `file://${AUTHORITY}/files~%2F%2F%2Fa%2F..%2F..%2Fb`],
    ['note:..', `note://${AUTHORITY}/files~..`],
    ['.', `banyan://${AUTHORITY}/files~.`],
  ])('%s is shown as %s and read back', (uri, exposed) => {
    expect(exposeUri(DOCS, uri)).toBe(exposed)
    expect(readExposed(exposed)).toEqual({ authority: AUTHORITY, source: 'files', uri })
  })

  test.each([
    ['file:///{+path}', `file://${AUTHORITY}/files////{+path}`],
    ['https://h/{id}{?q}', `banyan://${AUTHORITY}/files/https://h/{id}{?q}`],
    ['{+uri}', `banyan://${AUTHORITY}/files/{+uri}`],
    ['http{s}://h', `banyan://${AUTHORITY}/files/http{s}://h`],
    ['db://é {x}', `db://${AUTHORITY}/files///é {x}`],
  ])('the template %s is shown as %s and read back', (template, exposed) => {
    expect(exposeTemplate(DOCS, template)).toBe(exposed)
    expect(readExposed(exposed)?.uri).toBe(template)
  })

  test('an authority is readable, a host name, and the same whoever asks in between', () => {
    const odd = { ...DOCS, namespace: 'xn--Straße__7' }
    expect(authorityOf(DOCS)).toBe(AUTHORITY)
    expect(authorityOf(odd)).toMatch(/^xn-stra-e-7\.[a-z2-7]{16}\.banyan$/)
    expect(authorityOf(DOCS)).toBe(AUTHORITY)
    const long = authorityOf({ ...DOCS, namespace: 'n'.repeat(99) })
    expect(long).toMatch(/^n{32}\.[a-z2-7]{16}\.banyan$/)
  })

  test.each([
    ['a namespace', { namespace: 'Docs' }],
    ['a node', { node: 'node-b' }],
    ['an organisation', { organisation: 'globex' }],
  ])('%s of its own is an authority of its own', (_, change) => {
    expect(authorityOf(DOCS)).toBe(AUTHORITY)
    expect(authorityOf({ ...DOCS, ...change })).not.toBe(AUTHORITY)
  })
})

describe('row 28: URIs of servers can be read back through the node', () => {
  test('law: exactly what was shown is read, for any text', () => {
    fc.assert(
      fc.property(home, anyText, (at, uri) => {
        const expected = { authority: authorityOf(at), source: at.source, uri }
        expect(readExposed(exposeUri(at, uri))).toEqual(expected)
      }),
      RUNS,
    )
  })

  test('law: what is shown is a URI by RFC 3986, whatever the server sends', () => {
    fc.assert(
      fc.property(home, anyText, (at, uri) => {
        expect(exposeUri(at, uri)).toMatch(RFC_3986)
      }),
      RUNS,
    )
  })

  test('law: two servers never share a URI, nor do two URIs of one', () => {
    fc.assert(
      fc.property(home, home, anyText, anyText, (one, other, uri, another) => {
        fc.pre(uri !== another || JSON.stringify(one) !== JSON.stringify(other))
        expect(exposeUri(one, uri)).not.toBe(exposeUri(other, another))
      }),
      RUNS,
    )
  })

  test('row 20: one URI of two servers is shown as two', () => {
    const other = { ...DOCS, source: 'archive' }
    expect(exposeUri(other, 'file:///a')).not.toBe(exposeUri(DOCS, 'file:///a'))
    expect(readExposed(exposeUri(other, 'file:///a'))?.source).toBe('archive')
  })

  test('law: a URI that is shown already is one like any other where a server sends it', () => {
    fc.assert(
      fc.property(home, home, anyText, (one, other, uri) => {
        const exposed = exposeUri(one, uri)
        const twice = exposeUri(other, exposed)
        expect(readExposed(twice)).toMatchObject({ authority: authorityOf(other), uri: exposed })
      }),
    )
  })

  test('law: a client that writes URIs as browsers do is understood, unless it changes the server’s own', () => {
    fc.assert(
      fc.property(home, legalUri, (at, uri) => {
        fc.pre(URL.canParse(uri) && new URL(uri).href === uri)
        const { href } = new URL(exposeUri(at, uri))
        expect(readExposed(href)).toEqual({ authority: authorityOf(at), source: at.source, uri })
      }),
      RUNS,
    )
  })

  test('law: resolving dot segments leads from no server to another', () => {
    const climbing = fc
      .array(fc.constantFrom('/', '..', '.', '%2e', '%2E.', 'a', '/../', '//'), { maxLength: 12 })
      .chain((parts) => scheme.map((name) => `${name}:${parts.join('')}`))
    fc.assert(
      fc.property(home, climbing, (at, uri) => {
        const { href } = new URL(exposeUri(at, uri))
        const expected = { authority: authorityOf(at), source: at.source }
        expect(readExposed(href)).toMatchObject(expected)
      }),
      RUNS,
    )
  })

  test('neighbours are found by relative references, as a skill names its files', () => {
    const shown = exposeUri(DOCS, 'skill://acme/pdf/SKILL.md')
    const neighbour = new URL('references/FORMS.md', shown).href
    expect(readExposed(neighbour)?.uri).toBe('skill://acme/pdf/references/FORMS.md')
    const folder = shown.slice(0, -'/SKILL.md'.length)
    expect(readExposed(folder)?.uri).toBe('skill://acme/pdf')
  })

  test('host names have no case', () => {
    const upper = exposeUri(DOCS, 'file:///A').replace(AUTHORITY, AUTHORITY.toUpperCase())
    expect(readExposed(upper)).toEqual({ authority: AUTHORITY, source: 'files', uri: 'file:///A' })
  })
})

describe('templates', () => {
  const expression = fc.constantFrom(
    '{x}',
    '{+x}',
    '{#x}',
    '{.x}',
    '{/x}',
    '{?x}',
    '{&x}',
    '{/x,y}',
  )
  const template = fc
    .tuple(
      fc.oneof(scheme, fc.constantFrom('{x}', 'f{x}', '{+x}')),
      fc.array(fc.oneof(expression, path, fc.constantFrom('é', ' ')), { maxLength: 5 }),
    )
    .map(([name, parts]) => `${name}:${parts.join('')}`)
  const values = fc.record({
    x: fc.oneof(path, fc.string(), fc.constantFrom('../..', 'https', 'a/b', '')),
    y: fc.string(),
  })

  test('law: what expands from a template leads to what expands at home', () => {
    fc.assert(
      fc.property(home, template, values, (at, text, variables) => {
        const expanded = new UriTemplate(exposeTemplate(at, text)).expand(variables)
        const uri = new UriTemplate(text).expand(variables)
        expect(readExposed(expanded)).toEqual({
          authority: authorityOf(at),
          source: at.source,
          uri,
        })
      }),
      RUNS,
    )
  })

  test('law: it is the URI of that resource, where that is shown as it is and the template names a scheme', () => {
    let compared = 0
    fc.assert(
      fc.property(home, template, values, (at, text, variables) => {
        const shown = exposeUri(at, new UriTemplate(text).expand(variables))
        fc.pre(/^[A-Za-z]+:/.test(text) && !shown.includes(`/${at.source}~`))
        compared += 1
        expect(new UriTemplate(exposeTemplate(at, text)).expand(variables)).toBe(shown)
      }),
      RUNS,
    )
    expect(compared).toBe(RUNS.numRuns)
  })

  test('law: templates are read back, for any text', () => {
    fc.assert(
      fc.property(home, anyText, (at, text) => {
        const expected = { authority: authorityOf(at), source: at.source, uri: text }
        expect(readExposed(exposeTemplate(at, text))).toEqual(expected)
      }),
      RUNS,
    )
  })
})

describe('what no node has made', () => {
  test.each([
    ['nothing', ''],
    ['another host', 'file://docs.example/files////a'],
    ['a short hash', `file://docs.abc.banyan/files////a`],
    ['a hash with another digit', `file://docs.gswo2prahtsusap1.banyan/files////a`],
    ['more host', `file://x.${AUTHORITY}/files////a`],
    ['a port', `file://${AUTHORITY}:80/files////a`],
    ['a user', `file://me@${AUTHORITY}/files////a`],
    ['no source', `file://${AUTHORITY}//a`],
    ['a source that is none', `file://${AUTHORITY}/-files////a`],
    ['a source that never ends', `file://${AUTHORITY}/${'x'.repeat(33)}/a`],
    ['nothing behind the source', `file://${AUTHORITY}/files`],
    ['a query behind the source', `file://${AUTHORITY}/files?a`],
    ['a scheme that is not kept', `https://${AUTHORITY}/files///host/a`],
    ['text before it', ` file://${AUTHORITY}/files////a`],
    ['an encoding that needs none', `file://${AUTHORITY}/files~abc`],
    ['an encoding of another spelling', `file://${AUTHORITY}/files~%c3%a9`],
    ['an encoding of more than needed', `note://${AUTHORITY}/files~%41%C3%A9`],
    ['an encoding that is none', `note://${AUTHORITY}/files~%`],
    ['an encoding that is not UTF-8', `note://${AUTHORITY}/files~%FF`],
    ['a pair encoded by halves', `note://${AUTHORITY}/files~%ED%A0%B4%ED%B4%9E`],
    ['an encoding under the scheme of others', `banyan://${AUTHORITY}/files~note%3A%C3%A9`],
    ['an encoded scheme', `note://${AUTHORITY}/files~%2F%2F/é`],
  ])('%s is not read', (_, uri) => {
    expect(readExposed(uri)).toBeUndefined()
  })

  test('law: what is read from an encoded form is what would be shown so', () => {
    const almost = fc
      .tuple(scheme, fc.constantFrom('~', '/'), anyText)
      .map(([name, mark, rest]) => `${name.toLowerCase()}://${AUTHORITY}/files${mark}${rest}`)
    let read = 0
    fc.assert(
      fc.property(almost, (uri) => {
        const exposed = readExposed(uri)
        if (exposed === undefined) return
        read += 1
        const made = [exposeUri(DOCS, exposed.uri), exposeTemplate(DOCS, exposed.uri)]
        const ofExpansion = uri.startsWith(`banyan://${AUTHORITY}/files/`)
        expect(ofExpansion || made.includes(uri)).toBe(true)
      }),
      RUNS,
    )
    expect(read).toBeGreaterThan(100)
  })

  test('law: no text makes it throw', () => {
    fc.assert(
      fc.property(anyText, (uri) => {
        expect(readExposed(uri)).toBeUndefined()
      }),
    )
  })
})
