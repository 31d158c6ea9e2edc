// Which sign-in is whose: the state of the sign-ins under way, over any order of what browsers do.
import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LOCAL_CALLER, type Principal } from '../../../../node/core/principal.ts'
import { Consents, type SignInTarget } from '../../../../node/identity/consent/consents.ts'
import { KeptGrant } from '../../../../node/identity/consent/kept-grant.ts'
import type { SignInPlan, SignInWish } from '../../../../node/identity/consent/sign-in-flow.ts'
import { Fault } from '../../../../protocol/errors.ts'

const LIFETIME = 600
const NO_WISH: SignInWish = { challenged: [], before: [], hint: undefined }

function principal(name: string): Principal {
  return { ...LOCAL_CALLER, key: name, subject: name }
}

interface Granted {
  readonly whose: string
  readonly where: string
  /** What the server gave for the state it was redeemed by. */
  readonly state: string
}

/** What callers granted, over two upstreams that take whoever comes. */
class Lab {
  now = 0
  readonly granted: Granted[] = []
  readonly consents: Consents
  readonly #states = new Map<KeptGrant, string>()

  constructor(capacity = 100) {
    this.consents = new Consents({
      clock: () => this.now,
      secret: randomBytes(32),
      lifetime: LIFETIME,
      capacity,
      urlOf: (id) => `https://gw.example/oauth/consent/${id}`,
    })
  }

  target(label: string): SignInTarget {
    return {
      label,
      address: `https://${label}.example/mcp`,
      plan: () => Promise.resolve({} as SignInPlan),
      start: () => {
        const state = randomBytes(32).toString('base64url')
        const redeem = (): Promise<KeptGrant> => Promise.resolve(this.#grant(state))
        return Promise.resolve({ state, location: `https://as.example/?state=${state}`, redeem })
      },
      granted: ({ key }, grant) => {
        const state = this.#states.get(grant) ?? ''
        this.granted.push({ whose: key, where: label, state })
        return Promise.resolve()
      },
    }
  }

  /** The id of the page a caller is sent to. */
  ask(who: string, where = 'up', wish: Partial<SignInWish> = {}): string {
    return this.consents.ask(principal(who), this.target(where), { ...NO_WISH, ...wish }).id
  }

  /** A browser agrees on a page. @returns the state it goes away with */
  async begin(id: string, browser: string): Promise<string | undefined> {
    const consent = this.consents.find(id)
    if (consent === undefined) return undefined
    const location = await this.consents.begin(consent, browser)
    return location === undefined ? undefined : (new URL(location).searchParams.get('state') ?? '')
  }

  #grant(state: string): KeptGrant {
    const facts = { issuer: 'i', resource: 'r', clientId: 'c', scheme: 'Bearer' } as const
    const secrets = { accessToken: 't', refreshToken: undefined, key: undefined }
    const grant = new KeptGrant({ ...facts, scopes: [], expiresAt: 0 }, secrets)
    this.#states.set(grant, state)
    return grant
  }
}

describe('sign-ins under way', () => {
  const who = fc.constantFrom('ann', 'bob')
  const where = fc.constantFrom('up', 'other')
  const browser = fc.constantFrom('b1', 'b2', 'b3')
  const step = fc.oneof(
    fc.record({ kind: fc.constant('ask' as const), who, where }),
    fc.record({ kind: fc.constant('begin' as const), page: fc.nat(5), browser }),
    fc.record({ kind: fc.constant('finish' as const), state: fc.nat(5), browser }),
    fc.record({ kind: fc.constant('wait' as const), by: fc.integer({ min: 1, max: LIFETIME }) }),
  )

  test('law: what is granted was agreed on by that very browser, in time, once, and is its caller’s', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const lab = new Lab()
        const pages: { id: string; whose: string; where: string; until: number }[] = []
        const begun: { state: string; browser: string; page: (typeof pages)[number] }[] = []
        const expected: Granted[] = []
        const used = new Set<string>()
        for (const one of steps) {
          if (one.kind === 'wait') lab.now += one.by
          else if (one.kind === 'ask') {
            const id = lab.ask(one.who, one.where)
            const facts = { whose: one.who, where: one.where, until: lab.now + LIFETIME }
            if (pages.every((page) => page.id !== id)) pages.push({ id, ...facts })
          } else if (one.kind === 'begin') {
            const page = pages[one.page % Math.max(1, pages.length)]
            const state = page && (await lab.begin(page.id, one.browser))
            if (page && state !== undefined) begun.push({ state, browser: one.browser, page })
          } else {
            const back = begun[one.state % Math.max(1, begun.length)]
            if (back === undefined) continue
            const answer = { state: back.state, code: 'c', denied: false }
            const consent = await lab.consents.finish(answer, one.browser)
            if (consent === undefined) continue
            const { whose, where: at, until, id } = back.page
            const isRight = back.browser === one.browser && lab.now < until && !used.has(id)
            expected.push(
              isRight
                ? { whose, where: at, state: back.state }
                : { whose: '', where: '', state: '' },
            )
            used.add(id)
          }
        }
        expect(lab.granted).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  test('are the same place while nothing is done, and another for another wish, caller or upstream', () => {
    const lab = new Lab()
    const id = lab.ask('ann', 'up', { challenged: ['a', 'b'] })
    expect(lab.ask('ann', 'up', { challenged: ['a'], before: ['b'] })).toBe(id)
    const others = [
      lab.ask('bob', 'up', { challenged: ['a', 'b'] }),
      lab.ask('ann', 'other', { challenged: ['a', 'b'] }),
      lab.ask('ann', 'up', { challenged: ['c'] }),
    ]
    expect(new Set([id, ...others]).size).toBe(4)
    // The wish that came later is the one that counts.
    expect(lab.consents.find(id)).toBeUndefined()
    expect(others.every((one) => lab.consents.find(one) !== undefined)).toBe(true)
  })

  test('end after a while, whatever was begun', async () => {
    const lab = new Lab()
    const id = lab.ask('ann')
    const state = (await lab.begin(id, 'b1')) ?? ''
    lab.now += LIFETIME
    expect(lab.consents.find(id)).toBeUndefined()
    expect(await lab.consents.finish({ state, code: 'c', denied: false }, 'b1')).toBeUndefined()
    expect(lab.granted).toEqual([])
    expect(lab.ask('ann')).not.toBe(id)
  })

  test('are used up by whoever comes back, also by another browser', async () => {
    const lab = new Lab()
    const state = (await lab.begin(lab.ask('ann'), 'b1')) ?? ''
    const answer = { state, code: 'c', denied: false }
    expect(await lab.consents.finish(answer, 'b2')).toBeUndefined()
    expect(await lab.consents.finish(answer, 'b1')).toBeUndefined()
    expect(lab.granted).toEqual([])
  })

  test('are redeemed once, however often a browser comes back at once', async () => {
    const lab = new Lab()
    const state = (await lab.begin(lab.ask('ann'), 'b1')) ?? ''
    const answer = { state, code: 'c', denied: false }
    await Promise.all(Array.from({ length: 20 }, () => lab.consents.finish(answer, 'b1')))
    expect(lab.granted).toHaveLength(1)
  })

  test('belong to one browser, also where two agree at once', async () => {
    const lab = new Lab()
    const id = lab.ask('ann')
    const states = await Promise.all([lab.begin(id, 'b1'), lab.begin(id, 'b2')])
    expect(states.filter((state) => state !== undefined)).toHaveLength(1)
  })

  test('of the same browser twice: only the last state leads back', async () => {
    const lab = new Lab()
    const id = lab.ask('ann')
    const [first = '', second = ''] = [await lab.begin(id, 'b1'), await lab.begin(id, 'b1')]
    const back = (state: string): Promise<unknown> =>
      lab.consents.finish({ state, code: 'c', denied: false }, 'b1')
    expect(await back(first)).toBeUndefined()
    expect(await back(second)).toBeDefined()
    expect(lab.granted).toEqual([{ whose: 'ann', where: 'up', state: second }])
  })

  test('are no more than there may be; those that are over make room', () => {
    const lab = new Lab(2)
    lab.ask('ann')
    lab.ask('bob')
    expect(() => lab.ask('eve')).toThrow(Fault)
    // Who is asked already is not one more.
    lab.ask('ann')
    lab.now += LIFETIME
    lab.ask('eve')
  })

  test('law: a form is of one page and one browser', () => {
    const text = fc.stringMatching(/^[A-Za-z0-9_-]{1,8}$/)
    fc.assert(
      fc.property(text, text, (one, other) => {
        const lab = new Lab()
        const [mine, theirs] = ['ann', 'bob'].map((name) => lab.consents.find(lab.ask(name)))
        if (mine === undefined || theirs === undefined) throw new Error('there are two')
        const token = lab.consents.formToken(mine, one)
        expect(lab.consents.isOfBrowser(mine, one, token)).toBe(true)
        expect(lab.consents.isOfBrowser(mine, other, token)).toBe(one === other)
        expect(lab.consents.isOfBrowser(theirs, one, token)).toBe(false)
        expect(lab.consents.isOfBrowser(mine, one, `${token}x`)).toBe(false)
        expect(new Lab().consents.isOfBrowser(mine, one, token)).toBe(false)
      }),
    )
  })
})
