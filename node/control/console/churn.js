// How restless the mesh was, out of what was heard.

/**
 * How restless the mesh was lately.
 *
 * @param {readonly import('./store.js').Heard[]} heard
 * @param {number} now ms
 * @param {number} [window] ms
 */
export function churnOf(heard, now, window = 60_000) {
  const lately = heard.filter(({ at }) => at > now - window)
  const routes = lately.filter(({ type }) => type === 'routes')
  const changes = routes.reduce((sum, { changes: some }) => sum + some, 0)
  /** @type {Map<string, number>} */
  const turns = new Map()
  for (const { type, peer, label } of lately) {
    if (type !== 'link' && type !== 'upstream') continue
    const of = type === 'link' ? `link to ${peer}` : `upstream ${label}`
    turns.set(of, (turns.get(of) ?? 0) + 1)
  }
  const missed = lately.reduce((sum, { type, events }) => sum + (type === 'missed' ? events : 0), 0)
  return {
    rate: changes / (window / 1_000),
    changes,
    turns: [...turns].toSorted(([, a], [, b]) => b - a),
    lists: lately.filter(({ type }) => type === 'lists').length,
    missed,
  }
}
