// What is asked of the node. The key goes into a header, and is kept for this tab alone.

const KEY = 'banyan-operator-key'
const BASE = '/api/v1'

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

/**
 * @param {string} path
 * @param {RequestInit & { headers?: Record<string, string> }} [init]
 */
async function send(path, init = {}) {
  const response = await fetch(path, {
    ...init,
    headers: headers(init.headers),
    cache: 'no-store',
    credentials: 'omit',
    redirect: 'error',
  })
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
  const response = await send(`${BASE}${path}${search === '' ? '' : `?${search}`}`)
  return response.json()
}

/** @param {string} path @param {object} body @returns {Promise<any>} */
export async function post(path, body) {
  const response = await send(`${BASE}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return response.json()
}

/** @returns {Promise<string>} what Prometheus reads */
export async function metricsText() {
  return (await send('/metrics')).text()
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
