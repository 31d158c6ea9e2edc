/** Edits (insert, delete, replace, swap of neighbours) between two texts. */
function distance(left: string, right: string): number {
  let before: number[] = []
  let row = Array.from({ length: right.length + 1 }, (_, j) => j)
  for (let i = 0; i < left.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < right.length; j++) {
      const replaced = (row[j] ?? 0) + (left[i] === right[j] ? 0 : 1)
      const swap = i > 0 && j > 0 && left[i] === right[j - 1] && left[i - 1] === right[j]
      const swapped = swap ? (before[j - 1] ?? 0) + 1 : replaced
      next.push(Math.min(replaced, swapped, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[right.length] ?? 0
}

const LONGEST_WORD = 64

/** A hint `did you mean "x"?` with the known word closest to a mistyped one, when one is close enough. */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  if (word.length > LONGEST_WORD) return undefined
  const allowed = Math.max(1, Math.floor(word.length / 3))
  const [best] = known
    .map((candidate) => ({
      candidate,
      edits: distance(word.toLowerCase(), candidate.toLowerCase()),
    }))
    .filter(({ edits }) => edits <= allowed)
    .toSorted((a, b) => a.edits - b.edits)
  return best === undefined ? undefined : `did you mean "${best.candidate}"?`
}

/** Words joined as in a sentence: `"a", "b" or "c"`. */
export function quotedChoice(words: readonly string[]): string {
  const quoted = words.map((word) => JSON.stringify(word))
  return [quoted.slice(0, -1).join(', '), ...quoted.slice(-1)]
    .filter((part) => part !== '')
    .join(' or ')
}
