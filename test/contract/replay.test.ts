import { expect, test } from 'vitest'
import { MemoryReplay } from '../../node/identity/replay.ts'
import { replayContract } from './replay.contract.ts'

replayContract('memory', (bounds) => new MemoryReplay(bounds))

test('a memory of this process holds nothing that is long over', () => {
  let now = 1_000
  const memory = new MemoryReplay({ clock: () => now, capacity: 100 })
  for (let id = 0; id < 1_000; id += 1) {
    now += 1
    memory.remember('a', `${id}`, now + 60)
  }
  expect(memory.size).toBeLessThanOrEqual(80)
  now += 80
  memory.remember('a', 'last', now + 1)
  expect(memory.size).toBe(1)
  memory.close()
  expect(memory.size).toBe(0)
})
