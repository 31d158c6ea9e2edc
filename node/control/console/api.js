// What is asked of the node. The key goes into a header, and is kept for this tab alone.

const KEY = 'banyan-operator-key'
const BASE = '/api/v1'

/** Questions at a time: the node answers few, and others may ask, too. */
const AT_A_TIME = 2
/** How often a node that has too much to do is asked again, and after how long, ms. */
const PATIENCE = 3
const PAUSE_MS = 300
const BUSY = 503

/** What the node says it will not do. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} text
   */
  constructor(status, text) {
    super(text)
    this.status = status
  }
}

/** @returns {string | null} */
export function key() {
  return sessionStorage.getItem(KEY)
}

/** @param {string | undefined} value undefined: it is forgotten */
export function setKey(value) {
  if (value === undefined) sessionStorage.removeItem(KEY)
  else sessionStorage.setItem(KEY, value)
}

/** @param {Record<string, string>} more @returns {Record<string, string>} */
function headers(more = {}) {
  const own = key()
  return own === null ? more : { ...more, authorization: `Bearer ${own}` }
}

/** @type {RequestInit} */
const PRIVATE = { cache: 'no-store', credentials: 'omit', redirect: 'error' }

let asking = 0
/** @type {(() => void)[]} */
const waiting = []

/**
 * Asks when it is its turn, and gives all of the answer.
 *
 * @template Answer
 * @param {() => Promise<Answer>} ask
 * @returns {Promise<Answer>}
 */
async function inTurn(ask) {
  if (asking >= AT_A_TIME) await new Promise((resolve) => waiting.push(() => resolve(undefined)))
  asking += 1
  try {
    return await ask()
  } finally {
    asking -= 1
    waiting.shift()?.()
  }
}

/**
 * @param {string} path
 * @param {RequestInit & { headers?: Record<string, string> }} [init]
 */
async function send(path, init = {}) {
  const options = { ...init, headers: headers(init.headers), ...PRIVATE }
  let response = await fetch(path, options)
  for (let again = 0; response.status === BUSY && again < PATIENCE; again += 1) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    response = await fetch(path, options)
  }
  if (response.ok) return response
  const text = await response.text()
  throw new Refused(response.status, detailOf(text) ?? `the node answers ${response.status}`)
}

/** @param {string} text @returns {string | undefined} */
function detailOf(text) {
  try {
    return JSON.parse(text).detail
  } catch {
    return undefined
  }
}

/**
 * @param {string} path below the API
 * @param {Record<string, string | undefined>} [query]
 * @returns {Promise<any>}
 */
export async function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const search = new URLSearchParams(/** @type {[string, string][]} */ (given)).toString()
  const url = `${BASE}${path}${search === '' ? '' : `?${search}`}`
  return inTurn(async () => (await send(url)).json())
}

/** @param {string} path @param {object} body @returns {Promise<any>} */
export async function post(path, body) {
  const type = { 'content-type': 'application/json' }
  const init = { method: 'POST', headers: type, body: JSON.stringify(body) }
  return inTurn(async () => (await send(`${BASE}${path}`, init)).json())
}

/** @returns {Promise<string>} what Prometheus reads */
export async function metricsText() {
  return inTurn(async () => (await send('/metrics')).text())
}

/**
 * Reads what happens until it ends. An EventSource could not send the key.
 *
 * @param {(event: { type: string } & Record<string, any>) => void} tell
 * @param {AbortSignal} signal
 */
export async function follow(tell, signal) {
  const response = await send(`${BASE}/events`, { signal })
  if (response.body === null) return
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    rest += value
    const blocks = rest.split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const data = block.split('\n').find((line) => line.startsWith('data: '))
      if (data !== undefined) tell(JSON.parse(data.slice(6)))
    }
  }
}
