// The page: who looks, which panel is open, and what is said of what goes wrong.
import { get, Refused, setKey } from './api.js'
import { badge, choice, el, fill, labelled, setOptions } from './dom.js'
import { Looker } from './looker.js'
import { mapPanel } from './panel-map.js'
import { explainPanel } from './panel-explain.js'
import { routesPanel } from './panel-routes.js'
import { tracePanel } from './panel-trace.js'
import { churnPanel } from './panel-churn.js'
import { busPanel, membersPanel } from './panel-mesh.js'
import { replayPanel } from './panel-replay.js'
import { Store } from './store.js'

/** @typedef {{ root: HTMLElement, shown?: () => void }} Panel */
/** @typedef {{ store: Store, looker: Looker, say: (text: string) => void }} Page */

/** @type {readonly [id: string, title: string, make: (page: Page) => Panel][]} */
const PANELS = [
  ['map', 'Map', mapPanel],
  ['explain', 'Who sees what', explainPanel],
  ['routes', 'Routes', routesPanel],
  ['trace', 'Way of a call', tracePanel],
  ['churn', 'Churn', churnPanel],
  ['bus', 'Bus', busPanel],
  ['members', 'Members', membersPanel],
  ['replay', 'Replay', replayPanel],
]

/** @param {string} id @returns {HTMLElement} */
function byId(id) {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no ${id}`)
  return found
}

const [main, tabs, tools, standing, said] = ['main', 'tabs', 'tools', 'standing', 'said'].map(byId)

/** @param {string} text */
function say(text) {
  if (said !== undefined && said.textContent !== text) said.textContent = text
}

/** @param {unknown} error */
function failed(error) {
  if (error instanceof Refused && error.status === 401) signIn('The key opens nothing any more.')
  else if (error instanceof Refused) say(`The node refused: ${error.message}`)
  else say('The node does not answer. Trying again.')
}

/** @type {Store | undefined} */
let open

/** @param {string} [why] */
function signIn(why) {
  open?.end()
  open = undefined
  setKey(undefined)
  if (!main || !tabs || !tools || !standing) return
  for (const part of [tabs, tools, standing]) fill(part)
  const field = el('input', {
    type: 'password',
    id: 'key',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
    size: 48,
  })
  const problem = el('p', { role: 'alert', class: 'problem' }, why)
  const enter = async (/** @type {Event} */ event) => {
    event.preventDefault()
    setKey(field.value.trim())
    await start().catch((/** @type {unknown} */ error) => {
      setKey(undefined)
      problem.textContent =
        error instanceof Refused && error.status === 401
          ? 'That key opens nothing here.'
          : `That did not work: ${error instanceof Error ? error.message : 'no answer'}`
    })
  }
  const form = el(
    'form',
    { class: 'signin', onsubmit: enter },
    el('h2', {}, 'Sign in'),
    el(
      'p',
      {},
      'A key of an operator, as “admin.keys” of the configuration has its hash. It stays in this tab and goes nowhere but to this node.',
    ),
    labelled('Key', field),
    el('button', { type: 'submit' }, 'Sign in'),
    problem,
  )
  fill(main, form)
  field.focus()
}

/** @throws Refused */
async function start() {
  const status = await get('/status')
  open?.end()
  const store = new Store(failed)
  open = store
  await store.begin()
  document.title = `${status.organisation}/${status.name} · Banyan console`
  const looker = new Looker(store)
  showTools(store, looker)
  showPanels({ store, looker, say })
  say('')
}

/** @param {Store} store @param {Looker} looker */
function showTools(store, looker) {
  const as = choice([], '', () => looker.look({ as: as.value }))
  const endpoint = choice([], '', () => looker.look({ endpoint: endpoint.value }))
  const out = el('button', { type: 'button', onclick: () => signIn() }, 'Sign out')
  if (tools) fill(tools, labelled('See as', as), labelled('at endpoint', endpoint), out)
  store.read(({ status, endpoints, following }) => {
    setOptions(as, looker.options())
    setOptions(
      endpoint,
      endpoints.map(({ name }) => name),
    )
    looker.endpoint = endpoint.value
    if (!standing) return
    const { organisation, name, version, phase, callsInFlight } = status
    fill(
      standing,
      el('strong', {}, `${organisation}/${name}`),
      ` ${version} `,
      badge(phase),
      ` ${callsInFlight} calls under way · `,
      following ? badge('live', 'live') : badge('lost', 'events are not coming'),
    )
  })
}

/** @param {Page} page */
function showPanels(page) {
  if (!main || !tabs) return
  /** @type {Map<string, Panel>} */
  const made = new Map()
  const buttons = PANELS.map(([id, title]) =>
    el(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `tab-${id}`,
        'aria-controls': `panel-${id}`,
        onclick: () => show(id),
      },
      title,
    ),
  )
  const sections = PANELS.map(([id]) =>
    el('section', {
      role: 'tabpanel',
      id: `panel-${id}`,
      'aria-labelledby': `tab-${id}`,
      hidden: true,
    }),
  )
  const show = (/** @type {string} */ wanted) => {
    PANELS.forEach(([id, , make], i) => {
      const [button, section] = [buttons[i], sections[i]]
      if (button === undefined || section === undefined) return
      const isIt = id === wanted
      button.setAttribute('aria-selected', String(isIt))
      button.tabIndex = isIt ? 0 : -1
      section.hidden = !isIt
      if (!isIt) return
      const panel = made.get(id) ?? make(page)
      if (!made.has(id)) section.append(panel.root)
      made.set(id, panel)
      panel.shown?.()
    })
    history.replaceState(null, '', `#${wanted}`)
  }
  const list = el(
    'div',
    {
      role: 'tablist',
      'aria-label': 'Panels',
      onkeydown: (/** @type {KeyboardEvent} */ event) => step(event, buttons),
    },
    buttons,
  )
  fill(tabs, list)
  fill(main, sections)
  const asked = location.hash.slice(1)
  show(PANELS.some(([id]) => id === asked) ? asked : 'map')
}

/** @param {KeyboardEvent} event @param {readonly HTMLButtonElement[]} buttons */
function step(event, buttons) {
  const now = buttons.findIndex((one) => one === document.activeElement)
  /** @type {Record<string, number>} */
  const steps = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: buttons.length - 1 }
  const next = steps[event.key]
  if (next === undefined) return
  event.preventDefault()
  const button = buttons.at(next % buttons.length)
  button?.focus()
  button?.click()
}

start().catch((/** @type {unknown} */ error) => {
  if (error instanceof Refused && error.status === 401) signIn()
  else signIn(error instanceof Error ? error.message : String(error))
})
