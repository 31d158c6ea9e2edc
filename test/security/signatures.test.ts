// Attacks 1 to 7 and 9: tokens that are not what they say, by their signature, algorithm, key or type.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { TYP } from '../../protocol/token/claims.ts'
import { json, serve, type LocalServer } from '../node/identity/local-server.ts'
import { encode, ForgeKey, hmacToken } from './forge.ts'
import { Stage } from './stage.ts'

let stage: Stage
const attacker = new ForgeKey()

beforeAll(async () => {
  stage = await Stage.start()
})
beforeEach(() => stage.mark())
afterAll(() => stage.close())

it('a good token is served', async () => {
  stage.expectServed(await stage.bearer(stage.token()))
})

describe('attack 1: nothing is signed', () => {
  it.each(['none', 'None', 'NONE', ''])(
    'attack 1: alg "%s" with an empty signature',
    async (alg) => {
      const token = `${encode({ ...stage.header, alg })}.${encode(stage.claims())}.`
      stage.expectRefused(await stage.bearer(token))
      stage.expectRefused(await stage.bearer(`${token}c2ln`))
    },
  )

  it('attack 1: the signature of a good token cut off, or of no bytes that count', async () => {
    const [header, payload, signature = ''] = stage.token().split('.')
    for (const forged of ['', 'AA', signature.slice(0, -2), 'A'.repeat(86)]) {
      stage.expectRefused(await stage.bearer(`${header}.${payload}.${forged}`))
    }
  })
})

it('attack 1: the signature of a token that was just served, under another header or payload', async () => {
  const served = stage.token()
  const [header, payload, signature] = served.split('.')
  const widened = encode({ ...stage.claims(), scope: '*', sub: 'admin' })
  for (const forged of [
    `${header}.${widened}`,
    `${encode({ ...stage.header, x: 1 })}.${payload}`,
  ]) {
    stage.expectServed(await stage.bearer(served))
    stage.mark()
    stage.expectRefused(await stage.bearer(`${forged}.${signature}`))
  }
})

it('attack 2: HMAC with the public key of the issuer as the secret', async () => {
  for (const secret of [
    JSON.stringify(stage.publicJwk),
    attacker.pem,
    String(stage.publicJwk['x']),
  ]) {
    const token = hmacToken({ ...stage.header, alg: 'HS256' }, stage.claims(), secret)
    stage.expectRefused(await stage.bearer(token))
  }
})

it('attack 3: an algorithm of another family under a known key id', async () => {
  for (const alg of ['RS256', 'PS256', 'EdDSA', 'ES384', 'ES512', 'ES256K']) {
    const token = attacker.token({ ...stage.header, alg }, stage.claims())
    stage.expectRefused(await stage.bearer(token))
  }
})

it('attack 4: a key id that is a path, a query, a URL, or no end of text', async () => {
  const kids = ['../../etc/passwd', "' OR 1=1 --", 'http://169.254.169.254/', 'k'.repeat(300), '']
  for (const kid of [...kids, 7, null, {}]) {
    stage.expectRefused(await stage.bearer(attacker.access(stage.claims(), { kid })))
  }
})

it('attack 5: a token that brings a key along, or says where one is', async () => {
  const extra = [
    { jwk: attacker.jwk },
    { jku: 'https://attacker.example/keys' },
    { x5u: 'https://attacker.example/cert' },
    { x5c: ['AAAA'] },
  ]
  for (const header of extra) {
    const kid = attacker.thumbprint
    stage.expectRefused(await stage.bearer(attacker.access(stage.claims(), { ...header, kid })))
  }
})

it('attack 6: an unknown critical member, and a payload that is not encoded', async () => {
  for (const header of [{ crit: ['exp'] }, { crit: ['b64'], b64: false }, { b64: false }]) {
    stage.expectRefused(await stage.bearer(attacker.access(stage.claims(), header)))
  }
})

describe('attack 7: something else the issuer signed', () => {
  const types = [...Object.values(TYP), 'jwt', 'JWT', 'id+jwt', 'mesh-hop+jwt', 'secevent+jwt']

  it.each(types.filter((typ) => typ !== TYP.accessToken))('attack 7: of type %s', async (typ) => {
    stage.expectRefused(await stage.bearer(stage.token({}, typ)))
  })

  it('attack 7: of no type, or of one that is no text', async () => {
    for (const typ of [undefined, 7, ['at+jwt']]) {
      stage.expectRefused(await stage.bearer(attacker.access(stage.claims(), { typ })))
    }
  })

  it('attack 7: an access token in the place of a proof', async () => {
    const token = stage.bound()
    stage.expectRefused(await stage.proved(token, token), { error: 'invalid_dpop_proof' })
  })
})

describe('an issuer whose keys are fetched', () => {
  const key = new ForgeKey()
  let keys: LocalServer
  let foreign: Stage

  beforeAll(async () => {
    keys = await serve((request, response) => {
      const { url } = keys
      const path = request.url ?? ''
      if (path === '/jwks') json({ keys: [key.published('k')] })(request, response)
      else if (!path.includes('oauth-authorization-server')) response.writeHead(404).end()
      else {
        const document = { issuer: url, token_endpoint: `${url}/token`, jwks_uri: `${url}/jwks` }
        json({ ...document, response_types_supported: [] })(request, response)
      }
    })
    foreign = await Stage.start({ auth: { issuer: keys.url } })
  })
  beforeEach(() => foreign.mark())
  afterAll(async () => {
    await foreign.close()
    await keys.close()
  })

  const fetches = (): number => keys.requests.filter(({ url }) => url === '/jwks').length

  it('attack 9: the own issuer does not speak for this endpoint, nor with the key id of the other', async () => {
    foreign.expectRefused(await foreign.bearer(foreign.token()))
    foreign.expectRefused(await foreign.bearer(foreign.token({ iss: keys.url })))
    const stolen = attacker.access(foreign.claims({ iss: foreign.issuer }), { kid: 'k' })
    foreign.expectRefused(await foreign.bearer(stolen))
  })

  it('attack 9: the foreign issuer does not speak for the endpoint next to it', async () => {
    const url = foreign.node.endpointUrl('sibling')
    for (const iss of [keys.url, foreign.issuer]) {
      const token = key.access(foreign.claims({ iss, aud: url }), { kid: 'k' })
      const reply = await foreign.bearer(token, { url })
      expect([reply.status, reply.error.code]).toEqual([401, -31_010])
    }
    expect(foreign.upstreamTraffic).toEqual([])
  })

  it('attack 9: the issuer in other spellings is another', async () => {
    for (const iss of [
      `${keys.url}/`,
      keys.url.toUpperCase(),
      keys.url.replace('127.0.0.1', 'localhost'),
    ]) {
      const token = key.access(foreign.claims({ iss }), { kid: 'k' })
      foreign.expectRefused(await foreign.bearer(token))
    }
  })

  it('attack 4: what no key of the issuer signed is no reason to fetch, nor are unknown key ids beyond the first', async () => {
    foreign.expectServed(
      await foreign.bearer(key.access(foreign.claims({ iss: keys.url }), { kid: 'k' })),
    )
    const before = fetches()
    const flood = Array.from({ length: 50 }, (_, at) =>
      foreign.bearer(attacker.access(foreign.claims({ iss: keys.url }), { kid: `unknown-${at}` })),
    )
    for (const reply of await Promise.all(flood)) expect(reply.status).toBe(401)
    expect(fetches() - before).toBeLessThanOrEqual(1)
    expect(foreign.upstreamTraffic).toEqual([])
  })

  it('a flood of tokens of other issuers costs no fetch at all', async () => {
    const before = keys.requests.length
    for (const iss of ['https://other.example', `${keys.url}/x`, foreign.issuer]) {
      foreign.expectRefused(await foreign.bearer(attacker.access(foreign.claims({ iss }))))
    }
    expect(keys.requests.length).toBe(before)
  })
})

it('an issuer without keys is no fault of its callers: 503, and no challenge that would send them to log in', async () => {
  const away = await serve((_, response) => void response.writeHead(500).end())
  const lost = await Stage.start({ auth: { issuer: away.url, jwksUri: `${away.url}/jwks` } })
  try {
    const token = attacker.access(lost.claims({ iss: away.url }))
    lost.expectRefused(await lost.bearer(token), { status: 503, code: -31_006, error: null })
  } finally {
    await lost.close()
    await away.close()
  }
})
