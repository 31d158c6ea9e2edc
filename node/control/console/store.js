// What the console knows of the node: asked for at the start, whenever something happens, and now and then.
import { follow, get, metricsText } from './api.js'
import { readMetrics, sumOf, trafficOf } from './metrics.js'

/** How often figures are asked for, ms. */
const LOOK_MS = 5_000
/** What happens at once is asked about once, ms. */
const GATHER_MS = 250
/** How long after a stream ended it is begun again, ms. */
const AGAIN_MS = 2_000
/** Events that are remembered. */
const MAX_EVENTS = 1_000

/** @typedef {{ at: number, type: string } & Record<string, any>} Heard */

/**
 * @typedef {object} State
 * @property {any} status
 * @property {any} topology
 * @property {any[]} upstreams
 * @property {any[]} routes of the mesh
 * @property {any[]} listed of endpoints
 * @property {any[]} endpoints
 * @property {any} policy
 * @property {import('./model.js').Traffic} traffic by upstream
 * @property {import('./metrics.js').Sample[]} samples
 * @property {readonly Heard[]} heard the newest last
 * @property {boolean} following whether events come
 */

export class Store {
  /** @type {State | undefined} */
  state
  /** @type {Heard[]} */
  #heard = []
  #following = false
  /** @type {Set<(state: State) => void>} */
  #readers = new Set()
  /** @type {{ at: number, samples: import('./metrics.js').Sample[] } | undefined} */
  #before
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #gathering
  #abort = new AbortController()
  /** @type {(error: unknown) => void} */
  #failed

  /** @param {(error: unknown) => void} failed something could not be asked */
  constructor(failed) {
    this.#failed = failed
  }

  /** @param {(state: State) => void} reader */
  read(reader) {
    this.#readers.add(reader)
    if (this.state !== undefined) reader(this.state)
  }

  /** Resolves when all is known. */
  async begin() {
    await this.#ask()
    void this.#listen()
    const timer = setInterval(() => this.#soon(), LOOK_MS)
    this.#abort.signal.addEventListener('abort', () => clearInterval(timer))
  }

  end() {
    this.#abort.abort()
    clearTimeout(this.#gathering)
  }

  #soon() {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined
      this.#ask().catch(this.#failed)
    }, GATHER_MS)
  }

  async #listen() {
    const { signal } = this.#abort
    while (!signal.aborted) {
      try {
        await follow((event) => this.#hear(event), signal)
      } catch (error) {
        if (!signal.aborted) this.#failed(error)
      }
      this.#following = false
      this.#tell()
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
    }
  }

  /** @param {{ type: string } & Record<string, any>} event */
  #hear(event) {
    if (event.type === 'hello') this.#following = true
    else this.#heard.push({ at: Date.now(), ...event })
    if (this.#heard.length > MAX_EVENTS) this.#heard.splice(0, MAX_EVENTS / 10)
    this.#soon()
  }

  async #ask() {
    const status = await get('/status')
    const [topology, { upstreams }, { routes }, { routes: listed }] = await Promise.all([
      get('/topology'),
      get('/upstreams'),
      get('/topology/routes'),
      get('/routes'),
    ])
    const [{ endpoints }, policy, text] = await Promise.all([
      get('/endpoints'),
      get('/policy'),
      metricsText(),
    ])
    if (this.#abort.signal.aborted) return
    const samples = readMetrics(text)
    const traffic = this.#traffic(samples, upstreams)
    const asked = { status, topology, upstreams, routes, listed, endpoints, policy }
    this.state = { ...asked, traffic, samples, heard: this.#heard, following: this.#following }
    this.#tell()
  }

  #tell() {
    if (this.state === undefined) return
    this.state.following = this.#following
    for (const reader of this.#readers) reader(this.state)
  }

  /** @param {import('./metrics.js').Sample[]} samples @param {any[]} upstreams */
  #traffic(samples, upstreams) {
    const now = { at: performance.now(), samples }
    const before = this.#before ?? { at: now.at - LOOK_MS, samples }
    const seconds = (now.at - before.at) / 1_000
    // Figures over a moment would jump.
    if (this.#before === undefined || seconds * 1_000 >= LOOK_MS / 2) this.#before = now
    return Object.fromEntries(
      upstreams.map(({ label }) => [
        label,
        {
          ...trafficOf(before.samples, samples, label, seconds),
          open: sumOf(samples, 'banyan_upstream_calls_in_flight', { upstream: label }),
        },
      ]),
    )
  }
}
