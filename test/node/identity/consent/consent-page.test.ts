import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  messagePage,
  questionPage,
  redirect,
  type Question,
} from '../../../../node/identity/consent/consent-page.ts'
import { anyCharacter } from '../../../fixtures/any-character.ts'

const PLAIN: Question = {
  node: 'n',
  upstream: 'n',
  address: 'n',
  subject: 'n',
  client: 'n',
  server: 'n',
  scopes: ['n'],
  formToken: 'n',
}

/** The markup of a page, without any of its text. */
function markup(html: string): string {
  return html.replaceAll(/(?<=>)[^<]*(?=<)/g, '').replaceAll(/(?<=value=")[^"]*(?=")/g, '')
}

const evil = fc.oneof(
  fc.string({ unit: anyCharacter }),
  fc.constantFrom(
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='x",
    '&lt;b&gt;',
    '</title><body>',
    '</style><script>',
  ),
)

describe('a page', () => {
  test('law: whatever stands in it is text: the markup stays the same', () => {
    const any = fc.record({
      node: evil,
      upstream: evil,
      address: evil,
      subject: evil,
      client: evil,
      server: evil,
      scopes: fc.tuple(evil),
      formToken: evil,
    })
    const wanted = markup(questionPage(PLAIN, []).body)
    fc.assert(
      fc.property(any, (question) => {
        expect(markup(questionPage(question, []).body)).toBe(wanted)
      }),
    )
    fc.assert(
      fc.property(evil, evil, (title, text) => {
        expect(markup(messagePage(200, title, text).body)).toBe(
          markup(messagePage(200, '', '').body),
        )
      }),
    )
  })

  test('is kept by nobody, framed by nobody, runs nothing and tells nobody where it was', () => {
    const { headers, status } = questionPage(PLAIN, ['set-cookie', 'c'])
    const found = new Map(
      headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]]] : [])) as [
        string,
        string,
      ][],
    )
    expect(status).toBe(200)
    expect(found.get('cache-control')).toBe('no-store')
    expect(found.get('content-security-policy')).toMatch(
      /^default-src 'none'; .*frame-ancestors 'none'/,
    )
    expect(found.get('referrer-policy')).toBe('no-referrer')
    expect(found.get('x-content-type-options')).toBe('nosniff')
    expect(found.get('set-cookie')).toBe('c')
  })

  test('sends the browser on by a GET, and tells nobody where it was', () => {
    const { status, headers } = redirect('https://as.example/authorize?state=s')
    expect(status).toBe(303)
    expect(headers).toEqual([
      'location',
      'https://as.example/authorize?state=s',
      'cache-control',
      'no-store',
      'referrer-policy',
      'no-referrer',
    ])
  })
})
