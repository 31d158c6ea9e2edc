import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DelegatedToken } from '../../../node/identity/delegation/delegated-token.ts'
import { FetchFault } from '../../../node/identity/fetch-fault.ts'
import { RefusedAssertion } from '../../../node/identity/refused-assertion.ts'
import { OAuthFault, TokenFault } from '../../../protocol/token/faults.ts'
import { OwnNameLab, TOKEN } from './own-name-lab.ts'

const BOUND = 100
const WANTED = { parent: { issuer: '', subject: '', clientId: '', scopes: [], expiresAt: 0 } }

let folder: string
let file: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refused-assertion-'))
  file = join(folder, 'token')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Scene {
  readonly backend: RefusedAssertion
  readonly ask: () => Promise<unknown>
  now: number
  /** How often a server was shown an assertion. */
  shown: number
  /** What it throws; undefined where it gives a token. */
  outcome: Error | undefined
}

function stage(outcome: Error = new OAuthFault('invalid_grant', 'no')): Scene {
  const scene: Omit<Scene, 'backend' | 'ask'> = { now: 0, shown: 0, outcome }
  const obtain = async (): Promise<DelegatedToken> => {
    scene.shown += 1
    await Promise.resolve()
    if (scene.outcome !== undefined) throw scene.outcome
    return new DelegatedToken('t', { scheme: 'Bearer', scopes: [], expiresAt: 1 })
  }
  const options = { file, seconds: () => BOUND, clock: () => scene.now }
  const backend = new RefusedAssertion({ obtain }, options)
  const wanted = { ...WANTED, credential: undefined }
  const ask = (): Promise<unknown> => backend.obtain(wanted).catch((error: unknown) => error)
  return Object.assign(scene, { backend, ask })
}

describe('an assertion that was refused', () => {
  test('law: is shown once while its file says the same, up to the bound', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('ask' as const) }),
      fc.record({ kind: fc.constant('wait' as const), by: fc.integer({ min: 1, max: BOUND }) }),
      fc.record({ kind: fc.constant('write' as const), by: fc.nat(2) }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const scene = stage()
        let content = 0
        let refused: { content: number; at: number } | undefined
        let expected = 0
        const wrong: string[] = []
        await writeFile(file, '0')
        for (const one of steps) {
          if (one.kind === 'wait') scene.now += one.by
          else if (one.kind === 'write') await writeFile(file, `${(content = one.by)}`)
          else {
            const isKnown = refused?.content === content && scene.now < refused.at + BOUND
            if (!isKnown) {
              expected += 1
              refused = { content, at: scene.now }
            }
            if ((await scene.ask()) !== scene.outcome) wrong.push('another answer')
            if (scene.shown !== expected) wrong.push(`shown ${scene.shown}, not ${expected}`)
          }
        }
        expect(wrong).toEqual([])
      }),
      { numRuns: 50 },
    )
  })

  test.each<[string, Error]>([
    ['by its issuer', new OAuthFault('invalid_client', 'no')],
    ['because of what came back', new TokenFault('binding', 'no')],
  ])('is remembered: %s', async (_, outcome) => {
    await writeFile(file, 'a')
    const scene = stage(outcome)
    await scene.ask()
    await scene.ask()
    expect(scene.shown).toBe(1)
  })

  test.each<[string, Error]>([
    ['a server that does not answer', new FetchFault('timeout', 'as.example', 'is slow')],
    ['a proof that was late', new OAuthFault('invalid_dpop_proof', 'no')],
  ])('is not remembered for %s', async (_, outcome) => {
    await writeFile(file, 'a')
    const scene = stage(outcome)
    await scene.ask()
    await scene.ask()
    expect(scene.shown).toBe(2)
  })

  test('is not confused with a file that is not there', async () => {
    await writeFile(file, 'a')
    const scene = stage()
    await scene.ask()
    await unlink(file)
    await scene.ask()
    expect(scene.shown).toBe(2)
    await writeFile(file, 'a')
    await scene.ask()
    expect(scene.shown).toBe(2)
  })

  test('is shown again when it is said to forget, and forgotten once it is taken', async () => {
    await writeFile(file, 'a')
    const scene = stage()
    await scene.ask()
    scene.backend.forget()
    scene.outcome = undefined
    expect(await scene.ask()).toBeInstanceOf(DelegatedToken)
    expect(await scene.ask()).toBeInstanceOf(DelegatedToken)
    expect(scene.shown).toBe(3)
  })
})

describe('a node known by a token of its platform', () => {
  let lab: OwnNameLab
  beforeEach(async () => {
    lab = await OwnNameLab.open()
  })
  afterEach(() => lab.close())

  const refuse = { status: 400, body: { error: 'invalid_grant' } }

  async function start(): Promise<string> {
    const issuer = lab.addServer('/as', ({ form: { assertion } }) =>
      assertion === 'new' ? { body: TOKEN } : refuse,
    )
    const assertion = await lab.file('token', 'old\n')
    const auth = { mode: 'workload', issuer, scopes: ['read'], requires: ['*'] } as const
    lab.use({ ...auth, assertion }, { refusedAssertion: '20m' })
    return assertion
  }

  test('shows a refused one once, says so for as long, and writes no line for what it did not do', async () => {
    await start()
    for (let turn = 0; turn < 6; turn += 1) {
      expect((await lab.refusal()).code).toBe('delegation_refused')
      lab.now += 60
    }
    expect(lab.formsAt('/as/token')).toHaveLength(1)
    expect(lab.audit).toHaveLength(1)
    lab.now += 20 * 60
    await lab.refusal()
    expect(lab.formsAt('/as/token')).toHaveLength(2)
  })

  test('shows the next one as soon as it is there', async () => {
    await start()
    await lab.refusal()
    await lab.file('token', 'new')
    lab.now += 5
    expect(await lab.call()).toEqual(['authorization', 'Bearer tok'])
    expect(lab.formsAt('/as/token').map(({ assertion }) => assertion)).toEqual(['old', 'new'])
  })

  test('shows it once more after a reload: something may have been put right', async () => {
    await start()
    await lab.refusal()
    lab.delegators.clear()
    await lab.refusal()
    expect(lab.formsAt('/as/token')).toHaveLength(2)
  })
})
