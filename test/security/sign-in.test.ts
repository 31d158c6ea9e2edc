// Whose sign-in is whose: users of a node at an upstream of somebody else, and what others try with their addresses.
import { mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Browser, formIn, visit } from '../fixtures/browser.ts'
import { addressIn, SignInStage, textIn } from './sign-in-stage.ts'

let stage: SignInStage

beforeEach(async () => {
  stage = await SignInStage.start()
})

afterEach(async () => {
  await stage.close()
  await stage.lab.close()
})

/** That user, as the upstream knows it, signs in. */
async function signIn(user: string, tool?: string): Promise<void> {
  stage.lab.settings.user = user
  const { status } = await visit(await stage.asked(user, tool))
  expect(status).toBe(200)
  // Answered when there is something to list.
  expect(textIn(await stage.call(user, 'sign_in'))).toContain('signed in')
}

describe('a user', () => {
  test('is asked, signs in, and the call goes on by its retry', async () => {
    const first = await stage.call('ann', 'sign_in')
    expect(first.result).toMatchObject({ resultType: 'input_required' })
    stage.lab.settings.user = 'ann'
    expect(await visit(addressIn(first) ?? '')).toMatchObject({ status: 200 })
    const [key = ''] = Object.keys(first.result['inputRequests'] as object)
    const retry = await stage.call('ann', 'sign_in', {
      inputResponses: { [key]: { action: 'accept' } },
      requestState: first.result['requestState'],
    })
    expect(textIn(retry)).toContain('signed in')
    const { tools } = (await stage.request('ann', 'tools/list', {})).result
    const names = (tools as { name: string }[]).map(({ name }) => name)
    expect(names).toEqual(['there__change', 'there__look', 'there__sign_in'])
    expect(textIn(await stage.call('ann', 'look'))).toBe('for ann')
  })

  test('is asked once for all: another address is for another wish', async () => {
    const [first, second] = [await stage.asked('ann'), await stage.asked('ann')]
    expect(second).toBe(first)
    expect(await stage.asked('bob')).not.toBe(first)
  })

  test('row 37: of era 2025 is asked by -32042, with the id', async () => {
    const reply = await stage.legacyCall('ann', 'sign_in')
    const { code, data } = reply.error
    const { elicitations } = data as { elicitations: Record<string, unknown>[] }
    expect(code).toBe(-32_042)
    expect(elicitations).toEqual([
      {
        mode: 'url',
        elicitationId: expect.stringMatching(/^[A-Za-z0-9_-]{32}$/),
        url: expect.stringContaining('/oauth/consent/'),
        message: expect.stringContaining('there'),
      },
    ])
  })

  test('whose client cannot be asked learns no address', async () => {
    const params = { name: 'there__sign_in', arguments: {} }
    const reply = await stage.request('ann', 'tools/call', params, { elicitation: { form: {} } })
    expect(reply.status).toBe(400)
    expect(reply.error.code).toBe(-32_021)
    expect(reply.raw).not.toContain('/oauth/consent/')
  })

  test('acts with the own account alone', async () => {
    await signIn('ann')
    expect(textIn(await stage.call('ann', 'look'))).toBe('for ann')
    // Listed with ann's sign-in, called with nobody's.
    const asked = await stage.call('bob', 'look')
    expect(addressIn(asked)).toContain('/oauth/consent/')
    expect(stage.lab.calls.map(({ user }) => user)).toEqual(['ann'])
    await signIn('bob', 'look')
    expect(textIn(await stage.call('bob', 'look'))).toBe('for bob')
    expect(textIn(await stage.call('ann', 'look'))).toBe('for ann')
  })

  test('is asked for more where the upstream wants more, and keeps what it had', async () => {
    stage.lab.settings.needs = (tool) => (tool === 'change' ? 'write' : 'use')
    await signIn('ann')
    await signIn('ann', 'change')
    expect(stage.lab.codeRequests.map((query) => query.get('scope'))).toEqual(['use', 'use write'])
    expect(textIn(await stage.call('ann', 'change'))).toBe('for ann')
  })

  test('attack 33: is not asked for ever', async () => {
    await signIn('ann')
    let count = 0
    stage.lab.settings.needs = () => `more-${(count += 1)}`
    const outcomes: boolean[] = []
    for (let round = 0; round < 5; round += 1) {
      const address = addressIn(await stage.call('ann', 'change'))
      outcomes.push(address !== undefined)
      if (address !== undefined) await visit(address)
    }
    expect(outcomes).toEqual([true, true, true, false, false])
    const denied = await stage.call('ann', 'change')
    // Nothing of the upstream's own words.
    expect(denied.error).toMatchObject({ code: -31_012, message: 'upstream "there" denied it' })
    expect(denied.headers['www-authenticate']).toBeUndefined()
  })

  test('is not asked again while its token can be renewed, and is when it cannot', async () => {
    stage.lab.settings.refreshes = true
    await signIn('ann')
    await stage.call('ann', 'look')
    stage.lab.forget()
    expect(textIn(await stage.call('ann', 'look'))).toBe('for ann')
    const grants = stage.lab.tokenForms.map((form) => form.get('grant_type'))
    expect(grants).toEqual(['authorization_code', 'refresh_token'])
    stage.lab.settings.withdrawn = true
    stage.lab.forget()
    expect(addressIn(await stage.call('ann', 'look'))).toContain('/oauth/consent/')
  })
})

describe('the address of a user', () => {
  test('shows who it is for, and does nothing before a click', async () => {
    const { text, headers } = await new Browser().open(await stage.asked('ann'))
    expect(text).toContain('<td>ann</td>')
    expect(text).toContain(new URL(stage.lab.issuer).host)
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('cache-control')).toBe('no-store')
    expect(stage.lab.registrations).toEqual([])
  })

  test('is good once', async () => {
    const address = await stage.asked('ann')
    await visit(address)
    expect(await visit(address)).toMatchObject({ status: 404 })
    expect(stage.lab.tokenForms).toHaveLength(1)
  })

  test('is of no use without the form of the page, of that browser', async () => {
    const address = await stage.asked('ann')
    const [mine, theirs] = [new Browser(), new Browser()]
    const form = formIn(await mine.open(address)) ?? ''
    await theirs.open(address)
    for (const attempt of [
      await theirs.agree(address, form),
      await mine.agree(address, `${form}x`),
      await mine.agree(address, form, 'http://localhost:1'),
      await new Browser().agree(address, form),
    ]) {
      expect(attempt.status).toBe(403)
    }
    expect(stage.lab.codeRequests).toEqual([])
  })

  test('leads back only the browser that went', async () => {
    const address = await stage.asked('ann')
    const [mine, theirs] = [new Browser(), new Browser()]
    const form = formIn(await mine.open(address)) ?? ''
    const gone = await mine.agree(address, form)
    const there = await theirs.open(gone.headers.get('location') ?? '')
    const back = there.headers.get('location') ?? ''
    await theirs.open(address)
    expect(await theirs.open(back)).toMatchObject({ status: 403 })
    // It is used up, and what the server gave is redeemed by nobody.
    expect(await mine.open(back)).toMatchObject({ status: 403 })
    expect(stage.lab.tokenForms).toEqual([])
    expect(addressIn(await stage.call('ann', 'sign_in'))).not.toBe(address)
  })

  test('belongs to the browser that agreed first', async () => {
    const address = await stage.asked('ann')
    const [mine, theirs] = [new Browser(), new Browser()]
    await mine.agree(address, formIn(await mine.open(address)) ?? '')
    const late = await theirs.agree(address, formIn(await theirs.open(address)) ?? '')
    expect(late.status).toBe(403)
  })

  test.each(['', '?state=', '?state=x&code=y', '?state=x&state=y&code=z', '?code=y'])(
    'is no way in for what nobody sent back: %j',
    async (query) => {
      const callback = new URL(`/oauth/callback${query}`, await stage.asked('ann')).href
      expect((await new Browser().open(callback)).status).toBe(403)
      expect(stage.lab.tokenForms).toEqual([])
    },
  )
})

describe('row 53: what is not from whom it says', () => {
  test.each<[string, () => void]>([
    ['another issuer in the redirect', () => (stage.lab.settings.iss = 'https://evil.example')],
    ['none, although it names itself', () => (stage.lab.settings.iss = undefined)],
    ['its own, in another spelling', () => (stage.lab.settings.iss = `${stage.lab.issuer}/`)],
  ])('%s: nothing is redeemed', async (_, change) => {
    change()
    const { status, text } = await visit(await stage.asked('ann'))
    expect(status).toBe(502)
    expect(text).not.toContain('evil')
    expect(stage.lab.codeRequests).toHaveLength(1)
    expect(stage.lab.tokenForms).toEqual([])
  })

  test.each<[string, () => object, () => object]>([
    ['a server about another resource', () => ({ resource: 'https://evil.example/mcp' }), Object],
    ['a resource one path up', () => ({ resource: new URL(stage.lab.url).origin }), Object],
    ['metadata of another issuer', Object, () => ({ issuer: 'https://evil.example' })],
    ['tokens from elsewhere', Object, () => ({ token_endpoint: 'https://evil.example/token' })],
    ['no PKCE', Object, () => ({ code_challenge_methods_supported: ['plain'] })],
    ['a page that is no URL', Object, () => ({ authorization_endpoint: 'javascript:alert(1)' })],
    ['a server in the network of clouds', () => ({ authorization_servers: [CLOUD] }), Object],
    [
      'a server with credentials',
      () => ({ authorization_servers: ['http://a:b@127.0.0.1'] }),
      Object,
    ],
  ])('attack 10: %s: nobody is sent anywhere', async (_, prm, metadata) => {
    const address = await stage.asked('ann')
    Object.assign(stage.lab.settings, { prm: prm(), metadata: metadata() })
    const { status, text } = await visit(address)
    expect(status).toBe(502)
    expect(text).not.toMatch(/evil|169\.254|alert/)
    expect(stage.lab.registrations).toEqual([])
    expect(stage.lab.codeRequests).toEqual([])
  })
})

const CLOUD = 'http://169.254.169.254/'

test('attack 24: private addresses are not for an upstream that may not have them', async () => {
  const guarded = await SignInStage.start(
    { upstream: { egress: { allowPrivate: false } } },
    stage.lab,
  )
  try {
    const before = stage.lab.asked
    expect((await visit(await guarded.asked('ann'))).status).toBe(502)
    expect(stage.lab.asked).toBe(before)
  } finally {
    await guarded.close()
  }
})

describe('what is kept', () => {
  test('attack 34: is sealed, of one user, and outlives the process', async () => {
    const state = await mkdtemp(join(tmpdir(), 'sign-ins-'))
    const kept = await SignInStage.start({ node: { state } }, stage.lab)
    try {
      stage.lab.settings.user = 'ann'
      await visit(await kept.asked('ann'))
      stage.lab.settings.user = 'bob'
      await visit(await kept.asked('bob'))
      await kept.close()
      // Users with keys are those of an endpoint, which goes by its address.
      const listen = new URL(kept.node.endpointUrl('main')).host
      const node = { state, listen }
      const folder = join(state, 'sign-ins')
      for (const file of await readdir(folder)) {
        const text = await readFile(join(folder, file), 'utf8')
        expect(text).toMatch(/^[A-Za-z0-9_-]+$/)
        expect(Buffer.from(text, 'base64url').toString('latin1')).not.toMatch(
          /token|ann|bob|client/,
        )
      }
      const again = await SignInStage.start({ node }, stage.lab)
      expect(textIn(await again.call('ann', 'look'))).toBe('for ann')
      expect(textIn(await again.call('bob', 'look'))).toBe('for bob')
      await again.close()
      await swapAll(folder)
      const swapped = await SignInStage.start({ node }, stage.lab)
      expect(addressIn(await swapped.call('bob', 'sign_in'))).toContain('/oauth/consent/')
      await swapped.close()
    } finally {
      await kept.close()
      await rm(state, { recursive: true, force: true })
    }
  })
})

/** Each file takes the place of the next. */
async function swapAll(folder: string): Promise<void> {
  const files = await readdir(folder)
  for (const file of files) await rename(join(folder, file), join(folder, `${file}.old`))
  for (const [index, file] of files.entries()) {
    const next = files[(index + 1) % files.length] ?? ''
    await rename(join(folder, `${file}.old`), join(folder, next))
  }
}

test('an upstream that lists for everybody needs nobody to list with', async () => {
  stage.lab.settings.openLists = true
  const open = await SignInStage.start({ auth: { lists: undefined } }, stage.lab)
  try {
    expect(addressIn(await open.call('bob', 'look'))).toContain('/oauth/consent/')
  } finally {
    await open.close()
  }
})
