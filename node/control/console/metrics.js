// Reads what the node counts (Prometheus text exposition 0.0.4), as far as the console needs it.

/** @typedef {{ name: string, labels: Record<string, string>, value: number }} Sample */

/** @param {string} text @returns {Sample[]} */
export function readMetrics(text) {
  return text.split('\n').flatMap((line) => {
    const read = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
    if (read === null) return []
    const [, name = '', labels = '', value = ''] = read
    return [{ name, labels: readLabels(labels), value: Number(value) }]
  })
}

/** @param {string} text @returns {Record<string, string>} */
function readLabels(text) {
  const found = text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)
  return Object.fromEntries([...found].map(([, name = '', value = '']) => [name, plain(value)]))
}

/** @param {string} value */
function plain(value) {
  return value.replace(/\\(.)/g, (_, one) => (one === 'n' ? '\n' : one))
}

/**
 * The sum of all samples of a name whose labels hold these.
 *
 * @param {readonly Sample[]} samples
 * @param {string} name
 * @param {Record<string, string>} [labels]
 */
export function sumOf(samples, name, labels = {}) {
  const wanted = Object.entries(labels)
  return samples
    .filter((one) => one.name === name && wanted.every(([of, value]) => one.labels[of] === value))
    .reduce((sum, { value }) => sum + value, 0)
}

/**
 * What an upstream did between two looks.
 *
 * @param {readonly Sample[]} before
 * @param {readonly Sample[]} now
 * @param {string} upstream label
 * @param {number} seconds between them
 * @returns {{ rate: number, ms: number | undefined }} calls a second, and how long one took; undefined: there was none
 */
export function trafficOf(before, now, upstream, seconds) {
  const at = (/** @type {readonly Sample[]} */ samples, /** @type {string} */ part) =>
    sumOf(samples, `banyan_upstream_duration_seconds_${part}`, { upstream })
  const calls = at(now, 'count') - at(before, 'count')
  const took = at(now, 'sum') - at(before, 'sum')
  return {
    rate: seconds > 0 ? Math.max(0, calls) / seconds : 0,
    ms: calls > 0 ? (1_000 * took) / calls : undefined,
  }
}
