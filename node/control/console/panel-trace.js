// The way a call would take now, hop by hop. Nothing is called.
import { get } from './api.js'
import { badge, choice, el, fill, labelled, setOptions, table } from './dom.js'
import { OPERATOR } from './looker.js'

/** @param {import('./main.js').Page} page @returns {import('./main.js').Panel} */
export function tracePanel({ looker }) {
  const name = el('input', { type: 'text', id: 'trace-name', required: true })
  const as = choice(looker.options())
  const results = el('div', { id: 'traced', 'aria-live': 'polite' })
  const ask = async () => {
    fill(results, el('p', {}, 'Asking the nodes on the way…'))
    const whose = as.value === OPERATOR ? undefined : as.value
    const report = await get('/probe', {
      name: name.value.trim(),
      endpoint: looker.endpoint,
      for: whose,
    })
    fill(results, ended(report), report.hops.length > 0 && hops(report), noted(report))
  }
  const form = el(
    'form',
    {
      class: 'controls',
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault()
        ask().catch((/** @type {Error} */ error) =>
          fill(results, el('p', { class: 'problem' }, error.message)),
        )
      },
    },
    labelled('Tool, prompt or resource', name),
    labelled('Called by', as),
    el('button', { type: 'submit' }, 'Follow'),
  )
  const hint =
    'Each hop is asked whether it is there. No tool is called and no token is shown: of tokens only what they are for.'
  const follow = () => {
    setOptions(as, looker.options())
    as.value = looker.as
  }
  looker.read(follow)
  const root = el(
    'div',
    {},
    el('h2', {}, 'Way of a call'),
    form,
    el('p', { class: 'quiet' }, hint),
    results,
  )
  return { root, shown: () => setOptions(as, looker.options()) }
}

/** @type {Record<string, string>} */
const ENDS = {
  reached: 'the server answers',
  unreached: 'it is not reached',
  unsaid: 'a node on the way does not say how it goes on',
  unknown: 'nothing here has that name',
}

/** @param {any} report */
function ended({ end, server, problem, hops: all }) {
  const ms = all.reduce(
    (/** @type {number} */ sum, /** @type {any} */ one) => sum + (one.ms ?? 0),
    0,
  )
  return el(
    'p',
    {},
    badge(end, ENDS[end]),
    server && ` · ${server}`,
    ms > 0 && ` · ${ms.toFixed(1)} ms over all hops`,
    problem && ` · ${problem}`,
  )
}

/** @param {any} report */
function hops({ hops: all }) {
  const rows = all.map((/** @type {any} */ one) => [
    `${one.organisation}/${one.name}`,
    el('code', {}, one.called),
    one.upstream ?? 'does not say',
    one.transport ?? '',
    one.ms === undefined ? '' : `${one.ms} ms`,
    tokenOf(one),
    (one.passed ?? []).map((/** @type {any} */ way) => `${way.upstream}: ${way.why}`).join('; '),
  ])
  const heads = [
    'Node',
    'Name there',
    'Upstream',
    'Link',
    'Round trip',
    'Token for the next hop',
    'Passed over',
  ]
  return table('Hops, the nearest first', heads, rows)
}

/** @param {any} hop */
function tokenOf({ token, upstream }) {
  if (upstream === undefined) return ''
  if (token === undefined) return 'none'
  return token.audience === undefined ? token.mode : `${token.mode}, for ${token.audience}`
}

/** @param {any} report */
function noted({ notes }) {
  return (
    notes.length > 0 &&
    el(
      'ul',
      { class: 'notes' },
      notes.map((/** @type {string} */ one) => el('li', {}, one)),
    )
  )
}
