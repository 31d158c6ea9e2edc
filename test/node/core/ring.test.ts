import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ring, type Place } from '../../../node/core/ring.ts'

test('law: it holds what came and has not gone, in the order it came', () => {
  const steps = fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 60 })
  fc.assert(
    fc.property(steps, (plan) => {
      const ring = new Ring<number>()
      const places: Place<number>[] = []
      for (const [value, remove] of plan.entries()) {
        if (remove === undefined || places.length === 0) places.push(ring.add(value))
        else for (const gone of places.splice(remove % places.length, 1)) ring.remove(gone)
        expect(ring.values()).toEqual(places.map((place) => place.value))
        expect(ring.empty).toBe(places.length === 0)
      }
    }),
  )
})

test('values may take themselves out while all are gone through', () => {
  const ring = new Ring<() => void>()
  const done: number[] = []
  for (const number of [1, 2, 3]) {
    const place = ring.add(() => {
      done.push(number)
      ring.remove(place)
    })
  }
  for (const value of ring.values()) value()
  expect(done).toEqual([1, 2, 3])
  expect(ring.empty).toBe(true)
})
