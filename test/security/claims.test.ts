// Attacks 8, 11, 26 and 27: tokens the issuer signed that are for another place or time, or that two readers would read in
// two ways.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { json as answering, serve, type LocalServer } from '../node/identity/local-server.ts'
import { ForgeKey, type Json } from './forge.ts'
import { challengeOf, Stage } from './stage.ts'

// An issuer of its own for the endpoint, so that tests can sign whatever text they like.
const key = new ForgeKey()
let keys: LocalServer
let stage: Stage

beforeAll(async () => {
  keys = await serve(answering({ keys: [key.published()] }))
  stage = await Stage.start({ auth: { issuer: keys.url, jwksUri: `${keys.url}/jwks` } })
})
beforeEach(() => stage.mark())
afterAll(async () => {
  await stage.close()
  await keys.close()
})

const claims = (differ: Json = {}): Json => stage.claims({ iss: keys.url, ...differ })
const token = (differ: Json = {}): string => key.access(claims(differ))

/** The claims as JSON text with something put in the place of a member's value, or behind all members. */
function text(differ: Json, replace: (json: string) => string): string {
  return key.access(replace(JSON.stringify(claims(differ))))
}

/** JSON text of actors, or of something else, in each other. */
function nest(depth: number, member: string): string {
  return `{"sub":"a","${member}":`.repeat(depth) + '{"sub":"a"}' + '}'.repeat(depth)
}

it('a good token is served', async () => {
  stage.expectServed(await stage.bearer(token()))
  stage.expectServed(await stage.bearer(token({ aud: [stage.url] })))
})

describe('attack 8, row 49: another audience', () => {
  it('attack 8: an audience that only looks like this one', async () => {
    const { url } = stage
    const other = [
      `${url}/`,
      `${url}?x=1`,
      `${url}#x`,
      `${url}/sub`,
      url.slice(0, -1),
      url.replace('/mcp/main', '/mcp'),
      url.replace('/mcp/main', ''),
      url.replace('/mcp/main', '/mcp/MAIN'),
      url.replace('http:', 'HTTP:'),
      url.replace('127.0.0.1', 'localhost'),
      url.replace('127.0.0.1', '127.0.0.1.'),
      url.replace('127.0.0.1', '2130706433'),
      url.replace('/mcp', '/./mcp'),
      url.replace('main', 'm%61in'),
      url.replace('main', 'm\u0430in'),
      ` ${url}`,
      '',
    ]
    for (const aud of other) stage.expectRefused(await stage.bearer(token({ aud })))
  })

  it('attack 8: several audiences, this one among them; none; one of another kind', async () => {
    const { url } = stage
    const lists = [
      [url, 'https://other.example'],
      ['https://other.example', url],
      [url, url],
      [],
      [[url]],
    ]
    for (const aud of [...lists, undefined, null, { url }, 7]) {
      stage.expectRefused(await stage.bearer(token({ aud })))
    }
  })

  it('row 49: a token for the endpoint next to this one, the node itself, or a node before or behind it', async () => {
    const audiences = [
      stage.node.endpointUrl('sibling'),
      stage.node.url,
      'https://parent.example/mcp/main',
      stage.fixture.url,
    ]
    for (const aud of audiences) stage.expectRefused(await stage.bearer(token({ aud })))
  })
})

describe('attack 11: another time', () => {
  it.each<[string, (now: number) => Json]>([
    ['expired', (now) => ({ iat: now - 200, exp: now - 60 })],
    ['not valid yet', (now) => ({ nbf: now + 60 })],
    ['issued in the future', (now) => ({ iat: now + 600, exp: now + 900 })],
    ['without an end', () => ({ exp: undefined })],
    ['without a date of issue', () => ({ iat: undefined })],
    ['that ends in ten years', (now) => ({ exp: now + 315_360_000 })],
    ['of a session that is over', (now) => ({ session_expiry: now - 60 })],
  ])('attack 11: %s', async (_, differ) => {
    stage.expectRefused(await stage.bearer(token(differ(stage.now))))
  })

  it('attack 11: a token that was good ends when it says so, although it was verified before', async () => {
    const short = token({ exp: stage.now + 30 })
    stage.expectServed(await stage.bearer(short))
    stage.pass(40)
    stage.expectRefused(await stage.bearer(short))
    stage.pass(-40)
  })
})

describe('attack 26: too much', () => {
  it('attack 26: a token of more than 8 KiB is refused before anything of it is read', async () => {
    stage.expectRefused(await stage.bearer(token({ filler: 'x'.repeat(8_192) })))
  })

  it('attack 26: actors, and other members, nested too deep', async () => {
    for (const member of ['act', 'other']) {
      for (const depth of [25, 200]) {
        const deep = text({ act: 'HERE' }, (json) => json.replace('"HERE"', nest(depth, member)))
        stage.expectRefused(await stage.bearer(deep))
      }
    }
  })

  it('attack 26: nine actors where eight are allowed, and eight are', async () => {
    const chain = (length: number): Json =>
      length === 1 ? { sub: 'n1' } : { sub: `n${length}`, act: chain(length - 1) }
    stage.expectRefused(await stage.bearer(token({ act: chain(9) })))
    stage.expectServed(await stage.bearer(token({ act: chain(8) })))
  })

  it('attack 26: headers that leave no room for anything are refused by size alone', async () => {
    const reply = await stage.bearer('x'.repeat(20_000))
    expect(reply.status).toBe(431)
    expect(stage.upstreamTraffic).toEqual([])
  })
})

describe('attack 27: what two readers read in two ways', () => {
  it.each(['sub', 'aud', 'exp', 'iss', 'scope'])(
    'attack 27: the member %s twice',
    async (member) => {
      const value = JSON.stringify(claims()[member])
      for (const second of [value, '"x"']) {
        const twice = text({}, (json) => json.replace(/\}$/, `,"${member}":${second}}`))
        stage.expectRefused(await stage.bearer(twice))
      }
    },
  )

  it('attack 27: a member twice under two spellings, or deep inside', async () => {
    const tails = [String.raw`,"s\u0075b":"root"}`, ',"cnf":{"jkt":"a","jkt":"b"}}']
    for (const tail of tails) {
      stage.expectRefused(await stage.bearer(text({}, (json) => json.replace(/\}$/, tail))))
    }
  })

  it.each(['__proto__', 'constructor', 'prototype'])('attack 27: a member %s', async (name) => {
    for (const value of ['{"sub":"root"}', '1']) {
      const bad = text({}, (json) => json.replace(/\}$/, `,"${name}":${value}}`))
      stage.expectRefused(await stage.bearer(bad))
    }
  })

  it.each(['NaN', 'Infinity', '1e999', '-1', '"9999999999"', 'null', 'true', '[9999999999]', '{}'])(
    'attack 27: exp is %s',
    async (value) => {
      const bad = text({ exp: 'HERE' }, (json) => json.replace('"HERE"', value))
      stage.expectRefused(await stage.bearer(bad))
    },
  )

  it.each<[string, Json]>([
    ['NUL in sub', { sub: 'ada\0' }],
    ['a line in sub', { sub: 'ada\nroot' }],
    ['text turned around in sub', { sub: 'ada\u202Etoor' }],
    ['nothing one sees in sub', { sub: 'ada\u200B' }],
    ['a decomposed letter in sub', { sub: 'ade\u0301' }],
    ['half a character in sub', { sub: 'ada\uD800' }],
    ['an empty sub', { sub: '' }],
    ['no sub', { sub: undefined }],
    ['an unending sub', { sub: 'a'.repeat(2_000) }],
    ['a number as sub', { sub: 1 }],
    ['a quote in scope', { scope: 'ns:fx" x="' }],
    ['a tab in scope', { scope: 'ns:fx\tns:other' }],
    ['letters of another script in scope', { scope: 'ns:f\u0445' }],
    ['a list as scope', { scope: ['ns:fx'] }],
    ['no client', { client_id: undefined }],
    ['letters of another script in the client', { client_id: 'https://cli\u0435nt.example' }],
  ])('attack 27: %s', async (_, differ) => {
    stage.expectRefused(await stage.bearer(token(differ)))
  })

  it('attack 27: an issuer that looks the same', async () => {
    for (const iss of [
      `${keys.url}\0`,
      `${keys.url}\u200B`,
      `${keys.url} `,
      keys.url.replace('p', '\u0440'),
    ]) {
      stage.expectRefused(await stage.bearer(token({ iss })))
    }
  })

  it('attack 27: the same token in another spelling', async () => {
    const good = token()
    const [header = '', payload = '', signature = ''] = good.split('.')
    const last = signature.at(-1) ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const twin = alphabet[alphabet.indexOf(last) ^ 1] ?? ''
    const spellings = [
      `${header}.${payload}.${signature.slice(0, -1)}${twin}`,
      `${good}=`,
      `${good}==`,
      `${good}.`,
      `.${good}`,
      `${header}.${payload}.${signature}.${signature}`,
    ]
    for (const other of spellings) stage.expectRefused(await stage.bearer(other))
    stage.expectServed(await stage.bearer(good))
  })
})

describe('scopes', () => {
  it('of a foreign issuer mean nothing beyond the grammar, and its "*" is not ours', async () => {
    for (const scope of ['*', 'openid profile', 'ns:other', '', undefined]) {
      const reply = await stage.bearer(token({ scope }))
      // Who may do nothing is somebody all the same, and is told what would do.
      stage.expectRefused(reply, { status: 403, code: -31_011, error: 'insufficient_scope' })
    }
  })

  it('row 50: a refusal names the scopes that would do, all in one challenge', async () => {
    const reply = await stage.bearer('not-a-token')
    expect(challengeOf(reply)).toContain('scope="ns:fx"')
  })
})

it('a revoked token is refused though it was verified before', async () => {
  const good = token({ jti: 'to-be-revoked' })
  stage.expectServed(await stage.bearer(good))
  stage.revoked.add('to-be-revoked')
  stage.expectRefused(await stage.bearer(good))
})

it('keys that can be fetched no more are used on', async () => {
  stage.expectServed(await stage.bearer(token()))
  await keys.close()
  stage.pass(700)
  stage.expectServed(await stage.bearer(token()))
  keys = await serve(answering({ keys: [key.published()] }))
})
