// What somebody sees, and why: decided at which of the levels, by which rule, at which hop.
import { post } from './api.js'
import { badge, choice, el, fill, labelled, setOptions } from './dom.js'
import { LEVELS, outcomeOf } from './levels.js'
import { OPERATOR, somebody } from './looker.js'

/** Answers that are shown at a time. */
const LIMIT = 200

/** @param {import('./main.js').Page} page @returns {import('./main.js').Panel} */
export function explainPanel({ looker, say }) {
  const as = choice(looker.clients())
  const name = el('input', { type: 'text', id: 'explain-name', placeholder: 'all that is listed' })
  const which = choice([
    ['', 'visible and hidden'],
    ['false', 'hidden only'],
    ['true', 'visible only'],
  ])
  const results = el('div', { id: 'explained', 'aria-live': 'polite' })
  const ask = async (/** @type {string | undefined} */ cursor) => {
    const wanted = which.value === '' ? {} : { visible: which.value === 'true' }
    const named = name.value.trim() === '' ? {} : { name: name.value.trim() }
    const at = { endpoint: looker.endpoint, limit: LIMIT, ...(cursor && { cursor }) }
    const report = await post('/explain', { as: somebody(as.value), ...at, ...named, ...wanted })
    const more =
      report.next && el('button', { type: 'button', onclick: () => void run(report.next) }, 'More')
    fill(results, summary(report), notes(report), report.items.map(explained), more)
  }
  const run = (/** @type {string} */ cursor = '') =>
    ask(cursor).catch((/** @type {Error} */ error) => {
      fill(results, el('p', { class: 'problem' }, error.message))
      say(error.message)
    })
  const form = el(
    'form',
    {
      class: 'controls',
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault()
        void run()
      },
    },
    labelled('Client', as),
    labelled('Tool, prompt or resource', name),
    labelled('Show', which),
    el('button', { type: 'submit' }, 'Explain'),
  )
  const follow = () => {
    setOptions(as, looker.clients())
    if (looker.as !== OPERATOR) as.value = looker.as
  }
  looker.read(follow)
  const hint =
    'Asked by name, the nodes behind this one say what they decide, as far as they let it ask.'
  const root = el(
    'div',
    {},
    el('h2', {}, 'What does a client see, and why'),
    form,
    el('p', { class: 'quiet' }, hint),
    results,
  )
  return { root, shown: follow }
}

/** @param {any} report */
function summary({ items, next }) {
  const hidden = items.filter((/** @type {any} */ one) => !one.visible).length
  return el(
    'p',
    {},
    `${items.length - hidden} visible, ${hidden} hidden${next ? ', and there is more' : ''}.`,
  )
}

/** @param {any} report */
function notes({ notes: some, unlisted }) {
  const lines = [
    ...unlisted.map((/** @type {any} */ one) => `${one.endpoint}: ${one.reasons.join('; ')}`),
    ...some.map((/** @type {any} */ one) => `${one.endpoint}: ${one.note}`),
  ]
  return (
    lines.length > 0 &&
    el(
      'ul',
      { class: 'notes' },
      lines.map((line) => el('li', {}, line)),
    )
  )
}

/** @param {any} item */
function explained(item) {
  const { name, kind, visible, upstreams, origin, only } = item
  const facts = [
    kind,
    upstreams.length > 0 && `over ${upstreams.join(', then ')}`,
    origin && `lives in ${origin.organisation}, namespace ${origin.namespace}`,
    only && `only for the era ${only}`,
  ]
  return el(
    'article',
    { class: 'explained' },
    el('h3', {}, badge(visible ? 'visible' : 'hidden'), ' ', el('code', {}, name)),
    el('p', { class: 'quiet' }, facts.filter(Boolean).join(' · ')),
    el('ol', { class: 'hops' }, hopsOf(item).map(hop)),
  )
}

/** Its own decision is of the hop that hides it, the nearest of several. @param {any} item @returns {any[]} */
function hopsOf({ beyond = [], ...own }) {
  const isOwn = beyond.every((/** @type {any} */ one) => one.hop !== own.hop)
  return isOwn ? [own, ...beyond] : beyond
}

/** @param {any} decision */
function hop({ hop: at, endpoint, level, visible, because, rule, needs }) {
  const steps = LEVELS.map((one) => {
    const outcome = outcomeOf(one, level, visible)
    return el('li', {}, badge(outcome, `${one === 'capability' ? 'item' : one}: ${WORDS[outcome]}`))
  })
  return el(
    'li',
    {},
    el('strong', {}, at),
    ` at endpoint ${endpoint}`,
    el('ol', { class: 'levels', 'aria-label': 'Levels' }, steps),
    el(
      'p',
      {},
      because,
      rule && ` (rule ${rule.index}${rule.place ? ` at ${rule.place}` : ''})`,
      needs && `; needs the scope ${needs.join(' or ')}`,
    ),
  )
}

/** @type {Record<string, string>} */
const WORDS = { passed: 'passed', denied: 'denied', skipped: 'not reached' }
