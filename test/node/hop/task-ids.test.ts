// Ids of tasks: they lead to their owner, for one principal at one endpoint, and say nothing to anybody.
import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LOCAL_CALLER } from '../../../node/core/principal.ts'
import { Sealer } from '../../../node/core/seal.ts'
import { TaskIds, type TaskOwner } from '../../../node/hop/task-ids.ts'
import { anyCharacter } from '../../fixtures/any-character.ts'

const MAX_BYTES = 8_192
const SECRET = randomBytes(32)
const OWNER: TaskOwner = { endpoint: 'main', principal: LOCAL_CALLER }
const PLACE = { tool: 'docs__a', upstream: 'files', id: 'inner' }

function idsOf(secret: Buffer = SECRET, maxBytes: number = MAX_BYTES): TaskIds {
  return new TaskIds(new Sealer(secret, 'task'), maxBytes)
}

const ids = idsOf()

test('law: what is sealed is found, the same each time, in any text', () => {
  const text = fc.string({ unit: anyCharacter, maxLength: 200 })
  fc.assert(
    fc.property(text, text, text, (tool, upstream, id) => {
      const sealed = ids.seal(OWNER, { tool, upstream, id })
      expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/)
      expect(ids.seal(OWNER, { tool, upstream, id })).toBe(sealed)
      expect(idsOf().find(OWNER, sealed)).toEqual({ tool, upstream, id })
    }),
  )
})

describe('row 58: an id is of no task', () => {
  const sealed = ids.seal(OWNER, PLACE)
  const somebody = { ...LOCAL_CALLER, key: 'somebody else' }

  test.each([
    { what: 'for another principal', owner: { ...OWNER, principal: somebody } },
    { what: 'at another endpoint', owner: { ...OWNER, endpoint: 'other' } },
    {
      what: 'where endpoint and principal only read the same together',
      owner: { endpoint: `main","${LOCAL_CALLER.key}`, principal: { ...LOCAL_CALLER, key: '' } },
    },
  ])('$what', ({ owner }) => {
    expect(ids.find(owner, sealed)).toBeUndefined()
    expect(ids.seal(owner, PLACE)).not.toBe(sealed)
  })

  test('of another node', () => {
    expect(idsOf(randomBytes(32)).find(OWNER, sealed)).toBeUndefined()
  })

  test('sealed for something else by the same node', () => {
    const cursor = new Sealer(SECRET, 'cursor').seal(
      JSON.stringify(['docs__a', 'files', 'inner']),
      JSON.stringify([OWNER.endpoint, OWNER.principal.key]),
    )
    expect(ids.find(OWNER, cursor)).toBeUndefined()
  })

  test('law: with any one character changed', () => {
    fc.assert(
      fc.property(
        fc.nat(sealed.length - 1),
        fc.constantFrom('A', 'z', '0', '-', '_', '=', '+', '/', ' ', 'é'),
        (at, other) => {
          fc.pre(sealed[at] !== other)
          const forged = sealed.slice(0, at) + other + sealed.slice(at + 1)
          expect(ids.find(OWNER, forged)).toBeUndefined()
        },
      ),
    )
  })

  test('longer than the limit', () => {
    expect(idsOf(SECRET, sealed.length).find(OWNER, sealed)).toEqual(PLACE)
    expect(idsOf(SECRET, sealed.length - 1).find(OWNER, sealed)).toBeUndefined()
  })
})

test('an id of a task behind eight nodes is still well within the limit', () => {
  let id = 'a'.repeat(36)
  for (let hop = 0; hop < 8; hop += 1) id = ids.seal(OWNER, { ...PLACE, id })
  expect(id.length).toBeLessThan(MAX_BYTES / 2)
})
