// Small helpers to make elements. Everything that is shown becomes text, never markup.

/** @typedef {Node | string | number | undefined | null | false} Child */

/**
 * Makes an element. `on` holds listeners, `data` and `aria-*` are attributes; other properties are set as they are.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Child | readonly Child[])} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) setOne(made, name, value)
  append(made, children.flat())
  return made
}

/**
 * @param {HTMLElement} made
 * @param {string} name
 * @param {unknown} value
 */
function setOne(made, name, value) {
  if (value === undefined || value === false) return
  if (name.startsWith('on') && typeof value === 'function') {
    made.addEventListener(name.slice(2), /** @type {EventListener} */ (value))
  } else made.setAttribute(name, value === true ? '' : `${/** @type {string | number} */ (value)}`)
}

/**
 * @param {Node} parent
 * @param {readonly Child[]} children
 */
function append(parent, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false) continue
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)))
  }
}

/**
 * Puts other children in the place of those there are.
 *
 * @param {Element} parent
 * @param {...(Child | readonly Child[])} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren()
  append(parent, children.flat())
}

/**
 * A table that scrolls by itself where it is too wide; so that keys can scroll it, it can be focused.
 *
 * @param {string} caption
 * @param {readonly string[]} heads
 * @param {readonly (readonly Child[])[]} rows the first cell of each names it
 * @param {string} [nothing] what is said where there is no row
 */
export function table(caption, heads, rows, nothing = 'None.') {
  if (rows.length === 0) return el('section', {}, el('h3', {}, caption), el('p', {}, nothing))
  const body = rows.map((cells) =>
    el(
      'tr',
      {},
      cells.map((cell, i) => (i === 0 ? el('th', { scope: 'row' }, cell) : el('td', {}, cell))),
    ),
  )
  const head = heads.map((one) => el('th', { scope: 'col' }, one))
  return el(
    'div',
    { class: 'wide', tabindex: 0, role: 'group', 'aria-label': caption },
    el(
      'table',
      {},
      el('caption', {}, caption),
      el('thead', {}, el('tr', {}, head)),
      el('tbody', {}, body),
    ),
  )
}

/**
 * A state in words with a sign of its own: colour is never all there is.
 *
 * @param {string} state
 * @param {string} [text]
 */
export function badge(state, text = state) {
  const { sign, kind } = STATES[state] ?? UNKNOWN
  return el(
    'span',
    { class: `badge ${kind}` },
    el('span', { 'aria-hidden': 'true' }, sign),
    ` ${text}`,
  )
}

const UNKNOWN = { sign: '?', kind: 'none' }

/** @type {Record<string, {sign: string, kind: string}>} */
const STATES = {
  up: { sign: '●', kind: 'good' },
  live: { sign: '●', kind: 'good' },
  ready: { sign: '●', kind: 'good' },
  reached: { sign: '●', kind: 'good' },
  visible: { sign: '✓', kind: 'good' },
  passed: { sign: '✓', kind: 'good' },
  chosen: { sign: '★', kind: 'good' },
  idle: { sign: '○', kind: 'idle' },
  none: { sign: '–', kind: 'none' },
  skipped: { sign: '–', kind: 'none' },
  spare: { sign: '○', kind: 'idle' },
  joining: { sign: '◐', kind: 'warn' },
  connecting: { sign: '◐', kind: 'warn' },
  starting: { sign: '◐', kind: 'warn' },
  suspect: { sign: '▲', kind: 'warn' },
  drain: { sign: '▽', kind: 'warn' },
  draining: { sign: '▽', kind: 'warn' },
  unsaid: { sign: '▲', kind: 'warn' },
  stale: { sign: '▲', kind: 'warn' },
  twofold: { sign: '‼', kind: 'bad' },
  down: { sign: '✕', kind: 'bad' },
  lost: { sign: '✕', kind: 'bad' },
  closed: { sign: '✕', kind: 'bad' },
  hidden: { sign: '✕', kind: 'bad' },
  denied: { sign: '✕', kind: 'bad' },
  unreached: { sign: '✕', kind: 'bad' },
  unknown: { sign: '?', kind: 'none' },
  expired: { sign: '✕', kind: 'bad' },
  left: { sign: '–', kind: 'none' },
}

/**
 * A field with its label.
 *
 * @param {string} label
 * @param {HTMLElement} field
 */
export function labelled(label, field) {
  return el('label', {}, el('span', {}, label), field)
}

/**
 * A choice.
 *
 * @param {readonly (string | readonly [value: string, text: string])[]} options
 * @param {string} [value]
 * @param {() => void} [onchange]
 */
export function choice(options, value, onchange) {
  const made = el('select', { onchange })
  setOptions(made, options, value)
  return made
}

/**
 * Gives a choice other options; what is chosen stays where it still can be.
 *
 * @param {HTMLSelectElement} made
 * @param {readonly (string | readonly [value: string, text: string])[]} options
 * @param {string} [value]
 */
export function setOptions(made, options, value = made.value) {
  const wanted = options.map((one) => (typeof one === 'string' ? [one, one] : one))
  const now = [...made.options].map((one) => `${one.value} ${one.text}`).join('\n')
  if (now === wanted.map(([of, text]) => `${of} ${text}`).join('\n')) return
  fill(
    made,
    wanted.map(([of, text]) => el('option', { value: of, selected: of === value }, text)),
  )
}
