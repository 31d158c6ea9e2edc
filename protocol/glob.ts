/** Whether `name` is matched by `pattern`, in which `*` stands for any run of characters. */
export function matchesGlob(pattern: string, name: string): boolean {
  return matchesParts(pattern.split('*'), name)
}

/** {@link matchesGlob} for one pattern and many names. */
export function compileGlob(pattern: string): (name: string) => boolean {
  const parts = pattern.split('*')
  return (name) => matchesParts(parts, name)
}

/** @param parts what stands before, between and behind the stars */
function matchesParts(parts: readonly string[], name: string): boolean {
  const last = parts.length - 1
  const head = parts[0] ?? ''
  if (last === 0) return head === name
  const tail = parts[last] ?? ''
  if (!name.startsWith(head) || !name.endsWith(tail)) return false
  let at = head.length
  const end = name.length - tail.length
  for (let index = 1; index < last; index += 1) {
    const part = parts[index] ?? ''
    const found = name.indexOf(part, at)
    if (found === -1 || found + part.length > end) return false
    at = found + part.length
  }
  return at <= end
}

/**
 * Says whether some name matches both globs.
 *
 * Row by row over `left`, `reachable[j]` tells whether what was read of `left` and the first `j` characters of `right`
 * can stand for the same text.
 */
export function globsOverlap(left: string, right: string): boolean {
  let reachable = [true]
  for (let j = 0; j < right.length; j++) reachable.push(reachable[j] === true && right[j] === '*')
  for (let i = 0; i < left.length; i++) {
    const next = [reachable[0] === true && left[i] === '*']
    for (let j = 0; j < right.length; j++) {
      const star = left[i] === '*' || right[j] === '*'
      const viaStar = reachable[j + 1] === true || next[j] === true
      next.push(star ? viaStar : reachable[j] === true && left[i] === right[j])
    }
    reachable = next
  }
  return reachable[right.length] === true
}
