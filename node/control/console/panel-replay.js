// A lab's event log, played in the same picture. The file stays in this tab.
import { el, fill, labelled, table } from './dom.js'
import { Graph } from './graph.js'
import { Layout } from './layout.js'
import { tablesOf } from './panel-map.js'
import { inWords, MAX_LOG, organisationsIn, pictureAt, readLog } from './replay.js'

/** How long one event is shown while it plays, ms. */
const STEP_MS = 400

const HINT =
  'events.ndjson of a run of “banyan lab”; with topology.expanded.yaml beside it, nodes stand in their organisations. Nothing is sent anywhere.'

/** A log, and the moment of it that is shown. */
class Replay {
  #layout = new Layout()
  /** @type {import('./replay.js').LabEvent[]} */
  #events = []
  /** @type {ReadonlyMap<string, string>} */
  #organisations = new Map()
  /** @type {Graph | undefined} */
  #graph
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #playing
  #canvas = el('div', {
    class: 'canvas',
    role: 'img',
    id: 'replay-graph',
    'aria-label': 'No log is open',
  })
  #now = el('p', { id: 'replay-now', 'aria-live': 'polite' }, 'No log is open.')
  #tables = el('div', {})
  #play = el('button', { type: 'button', onclick: () => this.#toggle() }, 'Play')
  #slider = el('input', {
    type: 'range',
    id: 'moment',
    min: 0,
    max: 0,
    value: 0,
    oninput: () => this.#show(),
  })
  #file = el('input', {
    type: 'file',
    id: 'log',
    multiple: true,
    accept: '.ndjson,.yaml,.yml',
    onchange: () => this.#opened(),
  })

  root() {
    const [file, slider] = [labelled('Log', this.#file), labelled('Moment', this.#slider)]
    return el(
      'div',
      {},
      el('h2', {}, 'Replay of a lab'),
      el('div', { class: 'controls' }, file, this.#play, slider),
      el('p', { class: 'quiet' }, HINT),
      this.#now,
      this.#canvas,
      el('details', {}, el('summary', {}, 'The same as tables'), this.#tables),
    )
  }

  #opened() {
    this.#open().catch((/** @type {Error} */ error) => {
      this.#now.textContent = `It cannot be played: ${error.message}`
    })
  }

  async #open() {
    this.#stop()
    const files = [...(this.#file.files ?? [])]
    const log = files.find(({ name }) => name.endsWith('.ndjson')) ?? files[0]
    if (log === undefined) return
    if (log.size > MAX_LOG) throw new Error(`${log.name} is larger than ${MAX_LOG / 1_048_576} MB`)
    const plan = files.find(({ name }) => /\.ya?ml$/.test(name))
    const events = readLog(await log.text())
    this.#organisations = plan === undefined ? new Map() : organisationsIn(await plan.text())
    this.#events = events
    this.#slider.max = String(events.length)
    this.#slider.value = this.#slider.max
    this.#layout.forget()
    this.#graph ??= await Graph.in(this.#canvas, () => undefined)
    this.#graph.clear()
    this.#show()
  }

  #show() {
    const count = Number(this.#slider.value)
    const events = this.#events
    const { picture, ways } = pictureAt(events, count, this.#organisations)
    const last = events[count - 1]
    const text = last === undefined ? `before the first of ${events.length} events` : inWords(last)
    this.#slider.setAttribute('aria-valuetext', text)
    this.#now.textContent = `${count} of ${events.length} · ${text}`
    const up = picture.edges.filter(({ state }) => state === 'up').length
    this.#canvas.setAttribute('aria-label', `${picture.nodes.length} nodes, ${up} links up`)
    this.#graph?.draw(picture, this.#layout.place(picture))
    const rows = [...ways].map(([of, way]) => [of, way])
    const best = table('Best ways', ['Node → key', 'Way'], rows)
    fill(this.#tables, tablesOf(picture), best)
  }

  #stop() {
    clearInterval(this.#playing)
    this.#playing = undefined
    this.#play.textContent = 'Play'
  }

  #toggle() {
    if (this.#playing !== undefined) {
      this.#stop()
      return
    }
    this.#play.textContent = 'Pause'
    this.#playing = setInterval(() => this.#step(), STEP_MS)
  }

  #step() {
    const { value, max, isConnected } = this.#slider
    if (value === max || !isConnected) {
      this.#stop()
      return
    }
    this.#slider.value = String(Number(value) + 1)
    this.#show()
  }
}

/** @returns {import('./main.js').Panel} */
export function replayPanel() {
  return { root: new Replay().root() }
}
