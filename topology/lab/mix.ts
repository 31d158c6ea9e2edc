import type { SeededRandom } from '../sim/random.ts'
import type { ClientDraft } from './lab-draft.ts'

/** One of them, as a client chooses; undefined where there are none. With `zipf` the first ones more often: the n-th with a weight of 1/n. */
export function chooseBy<T>(
  mix: ClientDraft['calls']['mix'],
  items: readonly T[],
  random: SeededRandom,
): T | undefined {
  return items[mix === 'zipf' ? zipf(items.length, random) : random.below(items.length)]
}

function zipf(count: number, random: SeededRandom): number {
  let sum = 0
  for (let at = 1; at <= count; at += 1) sum += 1 / at
  let left = random.next() * sum
  for (let at = 1; at < count; at += 1) {
    left -= 1 / at
    if (left < 0) return at - 1
  }
  return count - 1
}
