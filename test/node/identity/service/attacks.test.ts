// The rows of the attack table that end at the token service, over HTTP: status, code, and that nothing went out.
import { request as httpRequest } from 'node:http'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encode, signJwt } from '../../../../node/identity/jwt.ts'
import type { SigningKey } from '../../../../node/identity/signing-key.ts'
import { TYP } from '../../../../protocol/token/claims.ts'
import { URN } from '../../../../protocol/token/metadata.ts'
import { send } from '../../../fixtures/raw-client.ts'
import {
  accessOf,
  EDGE,
  EDGE_MAIN,
  FAR,
  FAR_PUB,
  IDP,
  KEYS,
  OTHER,
  OTHER_MAIN,
  PEER,
  PEER_CLIENT,
  SECRET,
  TokenLab,
  type Form,
  type TokenReply,
} from './token-lab.ts'

let lab: TokenLab

beforeEach(async () => {
  lab = await TokenLab.open()
})
afterEach(() => lab.close())

/** Nothing was issued, and the refusal stands in the audit without a byte of what came. */
const NOTHING = 'nothing went out'

/** Status, code, and whether nothing went out that must not. */
function outcome(reply: TokenReply, sent: Form = {}): readonly [number, unknown, string] {
  const told = reply.raw + JSON.stringify(lab.lines)
  const parts = [sent['assertion'], sent['subject_token'], sent['client_assertion']].flatMap(
    (token) => (token ?? '').split('.').filter((part) => part.length > 20),
  )
  const faults = [
    ['access_token' in reply.json, 'a token in the answer'],
    [lab.issued.length > 0, 'a token by the audit'],
    [lab.last?.decision !== 'refused' || lab.last.reason === undefined, 'no line in the audit'],
    [parts.some((part) => told.includes(part)), 'bytes of a credential'],
  ] as const
  const found = faults.find(([happened]) => happened)
  return [reply.status, reply.error, found?.[1] ?? NOTHING]
}

/** A JWT whose claims are written by hand. */
function signText(key: SigningKey, typ: string, claims: string): string {
  const header = encode({ alg: 'ES256', typ, kid: key.kid })
  const input = `${header}.${Buffer.from(claims).toString('base64url')}`
  return `${input}.${key.sign(input).toString('base64url')}`
}

function claimsText(token: string): string {
  return Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
}

function sts(): SigningKey {
  const key = lab.parts?.keys.ring('sts').signing()
  if (key === undefined) throw new Error('no key')
  return key
}

/** One of each kind, each of them good in its own place. */
const ARTEFACTS = {
  'an access token': () => lab.subject(),
  'a grant': () => lab.grant(),
  'a grant of our own': () => {
    const claims = claimsText(lab.grant({ iss: lab.base, aud: FAR, resource: FAR_PUB }))
    return signText(sts(), TYP.grant, claims)
  },
  'an ID-JAG': () => lab.idJag(),
  'a client assertion': () => lab.assertion(EDGE, KEYS.edge),
  'a client assertion without a type of its own': () => lab.assertion(EDGE, KEYS.edge, {}, 'JWT'),
  'the token of a platform': () => lab.platform(),
  'a proof': () => lab.prover.proof({ method: 'POST', url: `${lab.base}/oauth/token` }),
  'an ID token': () => {
    const { now } = lab
    const claims = { iss: 'https://login.acme.example', aud: EDGE_MAIN, sub: 'alice', jti: 'x' }
    return signJwt(KEYS.provider, 'JWT', { ...claims, azp: 'a', iat: now, exp: now + 60 })
  },
} as const

type Artefact = keyof typeof ARTEFACTS

interface Consumer {
  readonly takes: readonly Artefact[]
  readonly refusal: readonly [status: number, error: string]
  readonly ask: (artefact: string) => Promise<TokenReply>
}

const CONSUMERS: Readonly<Record<string, Consumer>> = {
  subject_token: {
    takes: ['an access token'],
    refusal: [400, 'invalid_request'],
    ask: (token) => lab.ask(lab.exchange({ subject_token: token })),
  },
  assertion: {
    takes: ['a grant', 'an ID-JAG', 'the token of a platform'],
    refusal: [400, 'invalid_grant'],
    ask: (token) => lab.ask(lab.redeem(token)),
  },
  client_assertion: {
    takes: ['a client assertion', 'a client assertion without a type of its own'],
    refusal: [401, 'invalid_client'],
    ask: (token) => lab.ask(lab.exchange({ client_assertion: token })),
  },
  proof: {
    takes: ['a proof'],
    refusal: [400, 'invalid_dpop_proof'],
    ask: (token) => lab.ask(lab.exchange(), { proof: null, headers: { dpop: token } }),
  },
}

const PAIRS = Object.entries(CONSUMERS).flatMap(([name, consumer]) =>
  (Object.keys(ARTEFACTS) as Artefact[])
    .filter((artefact) => !consumer.takes.includes(artefact))
    .map((artefact) => [artefact, name] as const),
)

test.each(PAIRS)('attack 7: %s as %s', async (artefact, name) => {
  const consumer = CONSUMERS[name]
  const reply = await consumer?.ask(ARTEFACTS[artefact]())
  if (reply === undefined || consumer === undefined) throw new Error('no such consumer')
  expect(outcome(reply)).toEqual([...consumer.refusal, NOTHING])
})

/** The right claims, signed with the right key, under every type that is another artefact's. */
const RETYPED = Object.values(TYP).flatMap((typ) => [
  ['subject_token', typ, TYP.accessToken] as const,
  ['assertion', typ, TYP.grant] as const,
  ['client_assertion', typ, TYP.clientAssertion] as const,
])

test.each(RETYPED.filter(([, typ, own]) => typ !== own))(
  'attack 7: a right %s that says it is %s',
  async (name, typ) => {
    const right: Readonly<Record<string, readonly [string, SigningKey]>> = {
      subject_token: [lab.subject(), sts()],
      assertion: [lab.grant(), KEYS.peer],
      client_assertion: [lab.assertion(EDGE, KEYS.edge), KEYS.edge],
    }
    const [token, key] = right[name] ?? ['', KEYS.stranger]
    const consumer = CONSUMERS[name]
    const reply = await consumer?.ask(signText(key, typ, claimsText(token)))
    if (reply === undefined || consumer === undefined) throw new Error('no such consumer')
    expect(outcome(reply)).toEqual([...consumer.refusal, NOTHING])
  },
)

test.each(Object.keys(ARTEFACTS).filter((name) => name !== 'an access token'))(
  'attack 7: %s at introspection and revocation is as good as unknown',
  async (artefact) => {
    const token = ARTEFACTS[artefact as Artefact]()
    const asked = await lab.ask({ ...lab.edge(), token }, { path: '/oauth/introspect' })
    expect([asked.status, asked.raw]).toEqual([200, '{"active":false}'])
    const revoked = await lab.ask({ ...lab.edge(), token }, { path: '/oauth/revoke' })
    expect([revoked.status, revoked.raw]).toEqual([200, ''])
  },
)

describe('attack 12: a grant that is redeemed again', () => {
  test('fifty at once: one gets a token', async () => {
    const grant = lab.grant()
    const replies = await Promise.all(Array.from({ length: 50 }, () => lab.ask(lab.redeem(grant))))
    const won = replies.filter(({ status }) => status === 200)
    const lost = replies.filter(({ status, error }) => status === 400 && error === 'invalid_grant')
    expect([won.length, lost.length]).toEqual([1, 49])
    expect(lab.issued).toHaveLength(1)
    expect(lab.lines.filter(({ reason }) => reason === 'replayed')).toHaveLength(49)
  })

  test('fifty times, one after the other, in whatever form', async () => {
    const grant = lab.grant()
    expect((await lab.ask(lab.redeem(grant))).status).toBe(200)
    lab.lines.length = 0
    lab.now += 64
    for (let index = 0; index < 5; index += 1) {
      const again = await lab.ask(lab.redeem(grant, { scope: 'ns:sales:read' }))
      expect(outcome(again)).toEqual([400, 'invalid_grant', NOTHING])
    }
  })

  test('an ID-JAG is redeemed once, too', async () => {
    const form = { grant_type: URN.jwtBearer, assertion: lab.idJag() }
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => lab.ask(form, { headers: lab.byAgent, proof: null })),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(replies.filter(({ error }) => error === 'invalid_grant')).toHaveLength(49)
  })
})

describe('attack 18: the middle raises what it was given', () => {
  test('scope, budget and life are cut to the trust record', async () => {
    const grant = lab.grant({
      scope: 'ns:crm ns:billing *',
      mesh: { v: 1, budget: 200 },
      session_expiry: lab.now + 1_000_000,
    })
    const claims = accessOf((await lab.ask(lab.redeem(grant))).token)
    expect(claims.scope).toEqual(['ns:sales:read'])
    expect(claims.mesh?.budget).toBe(6)
    expect(claims.exp).toBe(lab.now + 90)
  })

  test('asking for more than the grant has gives no more', async () => {
    const more = await lab.ask(lab.redeem(lab.grant(), { scope: 'ns:sales ns:billing' }))
    expect(accessOf(more.token).scope).toEqual(['ns:sales:read'])
    lab.lines.length = 0
    const none = await lab.ask(lab.redeem(lab.grant(), { scope: 'ns:billing' }))
    expect(outcome(none)).toEqual([400, 'invalid_scope', NOTHING])
  })
})

describe('attack 19: the middle names a subject of another organisation', () => {
  test.each([
    ['a name that is not opaque', { sub: 'alice@c.example' }],
    ['a chain of others', { act: { iss: PEER, sub: PEER_CLIENT, act: { iss: FAR, sub: 'n' } } }],
    ['a chain it hides', { act: { iss: PEER, sub: PEER_CLIENT, act: { hid: 'h'.repeat(43) } } }],
    ['itself, unasked', { sub: PEER_CLIENT }],
  ])('%s', async (_, change) => {
    const form = lab.redeem(lab.grant(change))
    expect(outcome(await lab.ask(form), form)).toEqual([400, 'invalid_grant', NOTHING])
  })
})

describe('attack 20: a chain that never happened', () => {
  test('an actor token', async () => {
    const form = lab.exchange({
      actor_token: lab.subject({ subject: OTHER, owner: { iss: lab.base, sub: OTHER } }),
      actor_token_type: URN.accessToken,
    })
    expect(outcome(await lab.ask(form), form)).toEqual([400, 'invalid_request', NOTHING])
  })

  test('a type of an actor token alone', async () => {
    const form = lab.exchange({ actor_token_type: URN.accessToken })
    expect(outcome(await lab.ask(form), form)).toEqual([400, 'invalid_request', NOTHING])
  })

  test('the token of another node, stolen on its way', async () => {
    const stolen = lab.subject({ resource: OTHER_MAIN, owner: { iss: lab.base, sub: OTHER } })
    const form = lab.exchange({ subject_token: stolen })
    expect(outcome(await lab.ask(form), form)).toEqual([400, 'invalid_request', NOTHING])
    expect(lab.last?.reason).toBe('audience')
  })

  test('a token for this node that another one may exchange', async () => {
    const form = lab.exchange({
      subject_token: lab.subject({ owner: { iss: lab.base, sub: OTHER } }),
    })
    expect(outcome(await lab.ask(form), form)).toEqual([400, 'invalid_request', NOTHING])
  })

  test('a grant in the middle of which another acts', async () => {
    const form = lab.redeem(lab.grant({ act: { iss: PEER, sub: 'https://gw.a.example/other' } }))
    expect(outcome(await lab.ask(form), form)).toEqual([400, 'invalid_grant', NOTHING])
  })
})

describe('attack 21: an ID-JAG for somebody else', () => {
  test.each([
    ['a resource of another', { resource: 'https://gw.c.example/mcp/pub' }],
    ['a client that is another', { client_id: PEER_CLIENT }],
    ['an audience that is another', { aud: FAR }],
    ['two audiences', { aud: ['__BASE__', FAR] }],
    ['no resource', { resource: undefined }],
    ['an issuer that may give none', { iss: PEER }],
  ])('%s', async (_, change) => {
    const aud = 'aud' in change && Array.isArray(change.aud) ? [lab.base, FAR] : undefined
    const assertion = lab.idJag({ ...change, ...(aud && { aud }) })
    const form = { grant_type: URN.jwtBearer, assertion }
    const reply = await lab.ask(form, { headers: lab.byAgent, proof: null })
    expect(outcome(reply, form)).toEqual([400, 'invalid_grant', NOTHING])
  })

  test('presented by another client, or by none', async () => {
    const assertion = lab.idJag()
    const form = lab.redeem(assertion)
    expect(outcome(await lab.ask(form), form)).toEqual([400, 'invalid_grant', NOTHING])
    const nobody = { grant_type: URN.jwtBearer, assertion }
    expect(outcome(await lab.ask(nobody), nobody)).toEqual([401, 'invalid_client', NOTHING])
  })

  test('a resource parameter that is another than the grant says', async () => {
    const form = { grant_type: URN.jwtBearer, assertion: lab.idJag(), resource: lab.strict }
    const reply = await lab.ask(form, { headers: lab.byAgent, proof: null })
    expect(outcome(reply, form)).toEqual([400, 'invalid_target', NOTHING])
  })

  test('signed with the key of another issuer', async () => {
    const form = { grant_type: URN.jwtBearer, assertion: lab.idJag({ iss: PEER }) }
    const reply = await lab.ask(form, { headers: lab.byAgent, proof: null })
    expect(outcome(reply, form)).toEqual([400, 'invalid_grant', NOTHING])
    const crossed = lab.redeem(lab.grant({ iss: IDP }))
    expect(outcome(await lab.ask(crossed), crossed)).toEqual([400, 'invalid_grant', NOTHING])
  })
})

function deep(levels: number, member: string, end: string): string {
  return `{"${member}":`.repeat(levels) + end + '}'.repeat(levels)
}

describe('attack 26: what is too large is refused before a key is looked for', () => {
  let fetched: number
  let big: TokenLab

  beforeEach(async () => {
    fetched = 0
    const getJson = (): Promise<never> => {
      fetched += 1
      return Promise.reject(new Error('no network'))
    }
    const trust = lab.trust({ keys: { jwksUri: 'https://gw.a.example/oauth/jwks' } })
    big = await TokenLab.open({ parts: { fetch: { getJson } }, policy: { trust: [trust] } })
  })
  afterEach(() => big.close())

  test.each([
    ['an assertion of more than 64 KiB', { note: 'x'.repeat(65_536) }],
    ['20 000 actors', { act: undefined }],
    ['5 000 actors, which are short enough', { act: undefined }],
    ['100 levels of something else', { note: undefined }],
  ])('%s', async (name, change) => {
    const text = claimsText(big.grant({ note: '@', ...change }))
    const claims = {
      '20 000 actors': text.replace('"note":"@"', `"act":${deep(20_000, 'act', '{}')}`),
      '5 000 actors, which are short enough': text.replace(
        '"note":"@"',
        `"act":${deep(5_000, 'act', '{}')}`,
      ),
      '100 levels of something else': text.replace(/\}$/, `,"deep":${deep(100, 'a', '1')}}`),
    }[name]
    const assertion = signText(KEYS.peer, TYP.grant, claims ?? text)
    const reply = await big.ask(big.redeem(assertion))
    // The edge refuses what is larger than any form.
    const isForm = assertion.length < 90_000
    expect(reply.status).toBe(isForm ? 400 : 413)
    expect(isForm ? reply.error : 'invalid_grant').toBe('invalid_grant')
    expect(big.issued).toEqual([])
    expect(isForm ? ['too_large', 'depth'] : [undefined]).toContain(big.last?.reason)
    expect(fetched).toBe(0)
  })

  test('a client assertion of more than 64 KiB, and a form of more than all', async () => {
    const note = 'x'.repeat(65_536)
    const long = { ...big.as(EDGE, KEYS.edge, { note }), grant_type: 'client_credentials' }
    const reply = await big.ask(long)
    expect([reply.status, reply.error]).toEqual([401, 'invalid_client'])
    const huge = await big.raw(`${big.base}/oauth/token`, `a=${'x'.repeat(100_000)}`)
    expect(huge.status).toBe(413)
    expect(big.issued).toEqual([])
  })

  test('a subject token of more than 8 KiB', async () => {
    const scopes = Array.from({ length: 120 }, (_, at) => `tool:sales/${'t'.repeat(80)}${at}`)
    const form = lab.exchange({ subject_token: lab.subject({ scopes }) })
    expect(form['subject_token']?.length).toBeGreaterThan(8_192)
    expect(outcome(await lab.ask(form))).toEqual([400, 'invalid_request', NOTHING])
    expect(lab.last?.reason).toBe('too_large')
  })
})

/** Claims that two readers may take for different ones. */
const AMBIGUOUS: readonly (readonly [string, (text: string) => string])[] = [
  ['a member twice', (text) => text.replace('{', '{"iss":"https://x.example",')],
  ['__proto__', (text) => text.replace('{', '{"__proto__":{"scope":"*"},')],
  ['constructor', (text) => text.replace('{', '{"constructor":{},')],
  ['an end beyond numbers', (text) => text.replace(/"exp":\d+/, '"exp":1e999')],
  ['an end before time', (text) => text.replace(/"exp":\d+/, '"exp":-1')],
  ['an end that is text', (text) => text.replace(/"exp":(\d+)/, '"exp":"$1"')],
  ['NaN', (text) => text.replace(/"exp":\d+/, '"exp":NaN')],
  ['a name with NUL', (text) => text.replace(/"jti":"[^"]+"/, '"jti":"a\\u0000b"')],
  ['a name that turns round', (text) => text.replace(/"jti":"[^"]+"/, '"jti":"a\\u202eb"')],
  ['half a character', (text) => text.replace(/"jti":"[^"]+"/, '"jti":"\\ud800"')],
  ['an issuer in other letters', (text) => text.replace('"iss":"http', '"iss":"http\\u0455')],
  ['something behind it', (text) => `${text}{}`],
]

describe.each(AMBIGUOUS)('attack 27: %s', (_, spoil) => {
  test('in a grant', async () => {
    const form = lab.redeem(signText(KEYS.peer, TYP.grant, spoil(claimsText(lab.grant()))))
    expect(outcome(await lab.ask(form))).toEqual([400, 'invalid_grant', NOTHING])
  })

  test('in a client assertion', async () => {
    const right = claimsText(lab.assertion(EDGE, KEYS.edge))
    const assertion = signText(KEYS.edge, TYP.clientAssertion, spoil(right))
    const reply = await lab.ask(lab.exchange({ client_assertion: assertion }))
    expect(outcome(reply)).toEqual([401, 'invalid_client', NOTHING])
  })

  test('in a subject token', async () => {
    const token = signText(sts(), TYP.accessToken, spoil(claimsText(lab.subject())))
    const reply = await lab.ask(lab.exchange({ subject_token: token }))
    expect(outcome(reply)).toEqual([400, 'invalid_request', NOTHING])
  })
})

function endpoint(): string {
  return `${lab.base}/oauth/token`
}

describe('attack 28: another form than a form', () => {
  test.each([
    'grant_type=client_credentials&grant_type=client_credentials',
    'scope=a&scope=b&grant_type=client_credentials',
    'client_id=agent&client_id=nightly',
  ])('parameters that stand there twice: %s', async (body) => {
    const reply = await lab.raw(endpoint(), body, lab.byAgent)
    expect(outcome(reply)).toEqual([400, 'invalid_request', NOTHING])
  })

  test('two targets', async () => {
    const body = `grant_type=client_credentials&resource=${lab.main}&resource=${lab.strict}`
    expect(outcome(await lab.raw(endpoint(), body, lab.byAgent))).toEqual([
      400,
      'invalid_target',
      NOTHING,
    ])
  })

  test.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x', undefined])(
    'the content type %s',
    async (type) => {
      const body = '{"grant_type":"client_credentials"}'
      const reply = await lab.raw(endpoint(), body, { ...lab.byAgent, 'content-type': type })
      expect(outcome(reply)).toEqual([400, 'invalid_request', NOTHING])
    },
  )

  test('parameters in the query', async () => {
    const query = `${endpoint()}?client_id=agent&client_secret=${encodeURIComponent(SECRET)}`
    const reply = await lab.raw(query, 'grant_type=client_credentials', lab.byAgent)
    expect(outcome(reply)).toEqual([400, 'invalid_request', NOTHING])
  })

  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])(
    'the method %s',
    async (method) => {
      for (const path of ['token', 'revoke', 'introspect']) {
        const reply = await send(`${lab.base}/oauth/${path}?grant_type=client_credentials`, {
          method,
        })
        expect([reply.status, reply.headers.allow]).toEqual([405, 'POST'])
        expect(reply.raw).toBe('')
      }
      expect(lab.issued).toEqual([])
    },
  )

  test.each(['grant_type=%zz', 'grant_type=%ff', 'grant_type=a%00b', '=x', 'grant_type'])(
    'what no form is: %s',
    async (body) => {
      expect(outcome(await lab.raw(endpoint(), body, lab.byAgent))).toEqual([
        400,
        'invalid_request',
        NOTHING,
      ])
    },
  )
})

describe('attack 30: headers that say two things', () => {
  const form = { grant_type: 'client_credentials' }
  const body = 'grant_type=client_credentials'

  /** Header lines as they are, twice if they are. */
  async function rawRequest(headers: readonly string[]): Promise<[number, unknown]> {
    const { port } = new URL(lab.base)
    const length = String(body.length)
    const type = 'application/x-www-form-urlencoded'
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      path: '/oauth/token',
      method: 'POST',
      headers: [
        'host',
        `127.0.0.1:${port}`,
        'content-type',
        type,
        'content-length',
        length,
        ...headers,
      ],
    })
    request.end(body)
    const [response] = (await once(request, 'response')) as [
      AsyncIterable<Buffer> & { statusCode: number },
    ]
    let text = ''
    for await (const chunk of response) text += String(chunk)
    return [response.statusCode, (JSON.parse(text) as { error?: unknown }).error]
  }

  test('two Authorization headers', async () => {
    const { authorization } = lab.byAgent
    const line = String(authorization)
    const twice = ['authorization', line, 'authorization', line]
    expect(await rawRequest(twice)).toEqual([400, 'invalid_request'])
    expect(lab.issued).toEqual([])
  })

  test.each(['Bearer abc', 'DPoP abc', 'Bearer a, DPoP b', 'Basic', 'Basic !!', 'basic Og=='])(
    'an Authorization header of another kind: %s',
    async (authorization) => {
      const reply = await lab.ask(form, { headers: { authorization } })
      expect(outcome(reply)).toEqual([401, 'invalid_client', NOTHING])
    },
  )

  test('two proofs, in two lines or in one', async () => {
    const url = `${lab.base}/oauth/token`
    const proofs = [1, 2].map(() => lab.prover.proof({ method: 'POST', url }))
    const basic = ['authorization', String(lab.byAgent['authorization'])]
    const lines = [...basic, 'dpop', proofs[0] ?? '', 'dpop', proofs[1] ?? '']
    expect(await rawRequest(lines)).toEqual([400, 'invalid_dpop_proof'])
    const joined = [...basic, 'dpop', proofs.join(', ')]
    expect(await rawRequest(joined)).toEqual([400, 'invalid_dpop_proof'])
    expect(lab.issued).toEqual([])
  })

  test('a forwarded host changes no URL a proof is for', async () => {
    const dpop = lab.prover.proof({ method: 'POST', url: 'https://evil.example/oauth/token' })
    const forwarded = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
    const headers = { ...lab.byAgent, ...forwarded, forwarded: 'host=evil.example', dpop }
    expect(outcome(await lab.ask(form, { headers, proof: null }))).toEqual([
      400,
      'invalid_dpop_proof',
      NOTHING,
    ])
  })

  test('a certificate in a header is none', async () => {
    const headers = { 'x-client-cert': 'MIIB', 'x-forwarded-client-cert': 'Hash=abc' }
    const reply = await lab.ask(lab.exchange(), { headers, proof: null })
    expect(outcome(reply)).toEqual([400, 'invalid_dpop_proof', NOTHING])
  })
})

async function introspect(
  client: Form,
  token: string,
): Promise<readonly [number, string, unknown]> {
  const reply = await lab.ask({ ...client, token }, { path: '/oauth/introspect', proof: null })
  return [reply.status, reply.raw, reply.headers['content-length']]
}

describe('attack 36: an oracle for tokens', () => {
  const inactive = [200, '{"active":false}', '16']

  test('unknown, ended, revoked, forged and foreign tokens look the same', async () => {
    const token = lab.subject()
    const told = await introspect(lab.edge(), token)
    expect(JSON.parse(told[1])).toMatchObject({ active: true, sub: 'alice', aud: EDGE_MAIN })
    expect(await introspect(lab.as(OTHER, KEYS.other), token)).toEqual(inactive)
    expect(await introspect(lab.peer(), token)).toEqual(inactive)
    expect(await introspect(lab.edge(), 'no.such.token')).toEqual(inactive)
    expect(await introspect(lab.edge(), 'opaque')).toEqual(inactive)
    const forged = signText(KEYS.stranger, TYP.accessToken, claimsText(token))
    expect(await introspect(lab.edge(), forged)).toEqual(inactive)
    await lab.ask({ ...lab.edge(), token }, { path: '/oauth/revoke' })
    expect(await introspect(lab.edge(), token)).toEqual(inactive)
    const short = lab.subject({ ttl: 10 })
    lab.now += 10
    expect(await introspect(lab.edge(), short)).toEqual(inactive)
  })

  test('nobody in particular is told nothing', async () => {
    const reply = await lab.ask({ token: lab.subject() }, { path: '/oauth/introspect' })
    expect(outcome(reply)).toEqual([401, 'invalid_client', NOTHING])
    const asked = await lab.ask(lab.edge(), { path: '/oauth/introspect' })
    expect(outcome(asked)).toEqual([400, 'invalid_request', NOTHING])
  })
})

describe('attack 39: a client assertion for somebody else', () => {
  test.each([
    ['the token endpoint of another', () => `${FAR}/oauth/token`],
    ['another issuer', () => FAR],
    ['the token endpoint of this one', () => `${lab.base}/oauth/token`],
    ['an array', () => [lab.base]],
    ['an array of two', () => [lab.base, FAR]],
    ['this one, with a slash', () => `${lab.base}/`],
    ['nobody', () => undefined],
  ])('%s', async (_, aud) => {
    const form = lab.exchange(lab.as(EDGE, KEYS.edge, { aud: aud() }))
    expect(outcome(await lab.ask(form), form)).toEqual([401, 'invalid_client', NOTHING])
  })
})

describe('attack 43: a token exchange by whoever', () => {
  test('nobody', async () => {
    const form = lab.exchange({ client_assertion: undefined, client_assertion_type: undefined })
    expect(outcome(await lab.ask(form), form)).toEqual([401, 'invalid_client', NOTHING])
  })

  test('a name alone', async () => {
    const none = { client_assertion: undefined, client_assertion_type: undefined, client_id: EDGE }
    const form = lab.exchange(none)
    expect(outcome(await lab.ask(form), form)).toEqual([401, 'invalid_client', NOTHING])
  })

  test.each([
    ['a foreign node', () => lab.peer()],
    ['a workload', () => lab.as('nightly', KEYS.nightly)],
  ])('%s', async (_, credentials) => {
    const form = lab.exchange(credentials())
    expect(outcome(await lab.ask(form), form)).toEqual([400, 'unauthorized_client', NOTHING])
  })

  test.each([
    ['an endpoint outside of what it reaches', { resource: 'https://x.acme.example/mcp/main' }],
    ['its own endpoint', { resource: EDGE_MAIN }],
    ['an endpoint by a longer name', { resource: '__MAIN__/more' }],
    ['an endpoint with a slash', { resource: '__MAIN__/' }],
    ['a grant for an issuer it does not reach', { audience: PEER, resource: `${PEER}/mcp/x` }],
    ['a grant for this issuer', { audience: '__BASE__', resource: '__MAIN__' }],
    ['a grant for an endpoint of the organisation', { audience: FAR, resource: '__MAIN__' }],
    ['a grant without an endpoint', { audience: FAR, resource: undefined }],
    ['a grant for no URL', { audience: FAR, resource: 'javascript:alert(1)' }],
  ])('a target it may not have: %s', async (_, change) => {
    const filled = Object.fromEntries(
      Object.entries(change).map(([name, value]) => [
        name,
        value?.replace('__MAIN__', lab.main).replace('__BASE__', lab.base),
      ]),
    )
    const kind = 'audience' in change ? { requested_token_type: URN.jwt } : {}
    const form = lab.exchange({ ...filled, ...kind })
    expect(outcome(await lab.ask(form), form)).toEqual([400, 'invalid_target', NOTHING])
  })
})
