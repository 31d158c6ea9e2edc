// A lab's event log, played in the same picture. The file stays in this tab.
import { el, fill, labelled, table } from './dom.js'
import { Graph } from './graph.js'
import { Layout } from './layout.js'
import { tablesOf } from './panel-map.js'
import { inWords, MAX_LOG, organisationsIn, pictureAt, readLog } from './replay.js'

/** How long one event is shown while it plays, ms. */
const STEP_MS = 400

/** @param {import('./main.js').Page} _page @returns {import('./main.js').Panel} */
export function replayPanel(_page) {
  const layout = new Layout()
  /** @type {import('./replay.js').LabEvent[]} */
  let events = []
  /** @type {ReadonlyMap<string, string>} */
  let organisations = new Map()
  /** @type {Graph | undefined} */
  let graph
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let playing
  const canvas = el('div', { class: 'canvas', role: 'img', id: 'replay-graph' })
  const slider = el('input', {
    type: 'range',
    id: 'moment',
    min: 0,
    max: 0,
    value: 0,
    oninput: () => show(),
  })
  const now = el('p', { id: 'replay-now', 'aria-live': 'polite' }, 'No log is open.')
  const tables = el('div', {})
  const show = () => {
    const count = Number(slider.value)
    const { picture, ways } = pictureAt(events, count, organisations)
    const last = events[count - 1]
    const text = last === undefined ? `before the first of ${events.length} events` : inWords(last)
    slider.setAttribute('aria-valuetext', text)
    now.textContent = `${count} of ${events.length} · ${text}`
    canvas.setAttribute(
      'aria-label',
      `${picture.nodes.length} nodes, ${picture.edges.filter(({ state }) => state === 'up').length} links up`,
    )
    graph?.draw(picture, layout.place(picture))
    const rows = [...ways].map(([of, way]) => [of, way])
    fill(
      tables,
      tablesOf(picture, () => undefined),
      table('Best ways', ['Node → key', 'Way'], rows),
    )
  }
  const stop = () => {
    clearInterval(playing)
    playing = undefined
    play.textContent = 'Play'
  }
  const toggle = () => {
    if (playing !== undefined) {
      stop()
      return
    }
    play.textContent = 'Pause'
    playing = setInterval(() => {
      if (slider.value === slider.max || !slider.isConnected) stop()
      else {
        slider.value = String(Number(slider.value) + 1)
        show()
      }
    }, STEP_MS)
  }
  const play = el('button', { type: 'button', onclick: toggle }, 'Play')
  const open = async () => {
    stop()
    const files = [...(file.files ?? [])]
    const log = files.find(({ name }) => name.endsWith('.ndjson')) ?? files[0]
    if (log === undefined) return
    if (log.size > MAX_LOG) throw new Error(`${log.name} is larger than ${MAX_LOG / 1_048_576} MB`)
    const plan = files.find(({ name }) => /\.ya?ml$/.test(name))
    organisations = plan === undefined ? new Map() : organisationsIn(await plan.text())
    events = readLog(await log.text())
    slider.max = String(events.length)
    slider.value = slider.max
    layout.forget()
    graph ??= await Graph.in(canvas, () => undefined)
    graph.clear()
    show()
  }
  const file = el('input', {
    type: 'file',
    id: 'log',
    multiple: true,
    accept: '.ndjson,.yaml,.yml',
    onchange: () =>
      void open().catch((/** @type {Error} */ error) => {
        now.textContent = `It cannot be played: ${error.message}`
      }),
  })
  const hint =
    'events.ndjson of a run of “banyan lab”; with topology.expanded.yaml beside it, nodes stand in their organisations. Nothing is sent anywhere.'
  const root = el(
    'div',
    {},
    el('h2', {}, 'Replay of a lab'),
    el('div', { class: 'controls' }, labelled('Log', file), play, labelled('Moment', slider)),
    el('p', { class: 'quiet' }, hint),
    now,
    canvas,
    el('details', {}, el('summary', {}, 'The same as tables'), tables),
  )
  return { root }
}
