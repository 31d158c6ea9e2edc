import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BrowserCookie } from '../../../../node/identity/consent/browser-cookie.ts'

const secure = new BrowserCookie('https://gw.example', 600)
const local = new BrowserCookie('http://127.0.0.1:7400', 600)

function read(cookie: BrowserCookie, ...lines: string[]): string | undefined {
  return cookie.read({ header: (name) => (name === 'cookie' ? lines : []) })
}

describe('the cookie of a browser', () => {
  test('is of this host, and out of the reach of scripts and other sites', () => {
    const [name, value = ''] = secure.header('s')
    expect(name).toBe('set-cookie')
    expect(value).toBe(
      '__Host-banyan-sign-in=s; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure',
    )
    // Without TLS a browser would not take it with the prefix.
    expect(local.header('s')[1]).toBe(
      'banyan-sign-in=s; Path=/; Max-Age=600; HttpOnly; SameSite=Lax',
    )
  })

  test('law: is read from among any others, in one line or several', () => {
    const other = fc.stringMatching(/^[a-z]{1,8}=[A-Za-z0-9_-]{0,43}$/)
    fc.assert(
      fc.property(fc.array(other, { maxLength: 4 }), fc.nat(4), fc.boolean(), (others, at, two) => {
        const secret = secure.fresh()
        const [set = ''] = (secure.header(secret)[1] ?? '').split(';')
        const all = [...others]
        all.splice(at, 0, set)
        expect(read(secure, ...(two ? all : [all.join('; ')]))).toBe(secret)
        expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
      }),
    )
  })

  test('is not read where there are two: one may have been put there by somebody else', () => {
    const [one, other] = [secure.fresh(), secure.fresh()]
    const [a, b] = [one, other].map((secret) => `__Host-banyan-sign-in=${secret}`)
    expect(read(secure, `${a}; ${b}`)).toBeUndefined()
    expect(read(secure, a ?? '', a ?? '')).toBeUndefined()
  })

  test.each(['', 'x', 'a'.repeat(42), 'a'.repeat(44), `${'a'.repeat(42)}=`, `"${'a'.repeat(43)}"`])(
    'is not read where it is none of ours: %j',
    (value) => {
      expect(read(secure, `__Host-banyan-sign-in=${value}`)).toBeUndefined()
    },
  )

  test('is not taken without the prefix where there is TLS, nor with another', () => {
    const secret = secure.fresh()
    expect(read(secure, `banyan-sign-in=${secret}`)).toBeUndefined()
    expect(read(secure, `x__Host-banyan-sign-in=${secret}`)).toBeUndefined()
    expect(read(local, `__Host-banyan-sign-in=${secret}`)).toBeUndefined()
  })
})
