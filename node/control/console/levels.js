// The levels at which it is decided who sees what.

/** The order in which it is decided. */
export const LEVELS = ['endpoint', 'namespace', 'capability']

/**
 * What became of one level, from the level at which it was decided.
 *
 * @param {string} one
 * @param {string} level
 * @param {boolean} visible
 */
export function outcomeOf(one, level, visible) {
  if (visible) return 'passed'
  if (level === 'caller') return 'skipped'
  const at = LEVELS.indexOf(level)
  // Scopes come after all of them.
  if (at === -1) return 'passed'
  const here = LEVELS.indexOf(one)
  if (here === at) return 'denied'
  return here < at ? 'passed' : 'skipped'
}
