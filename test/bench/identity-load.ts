// Calls that show a token each: the load of identity.bench.ts, from the process of the bench itself.
import { setTimeout as pause } from 'node:timers/promises'
import { Pool } from 'undici'
import { ProofMaker } from '../../node/identity/proof-maker.ts'
import { SigningKey } from '../../node/identity/signing-key.ts'
import { quantile } from './stats.ts'
import { callTemplate, ECHO, FIRST_SERIAL, headersOf, stamp } from './wire.ts'

/** Who a call is made as; undefined where nobody is asked. */
export type Show = () => readonly string[]

/** One endpoint and how its callers show themselves. */
export interface Cell {
  readonly name: string
  readonly url: string
  readonly show: Show
}

const PAYLOAD = 100

/** Between two looks at whether a node is ready, milliseconds. */
const READY_STEP_MS = 50

/** The key of the caller. */
export const caller: ProofMaker = new ProofMaker(SigningKey.generate(), () => Date.now() / 1_000)

export const nobody: Show = () => []

/** The same token again and again. */
export function bearer(token: string): Show {
  const lines = ['authorization', `Bearer ${token}`]
  return () => lines
}

/** The same token, each time with a proof of its own (RFC 9449 §4.2). */
export function bound(url: string, accessToken: string): Show {
  return () => {
    const proof = caller.proof({ method: 'POST', url, accessToken })
    return ['authorization', `DPoP ${accessToken}`, 'dpop', proof]
  }
}

/** Connections to one endpoint. */
export class Caller {
  readonly #pool: Pool
  readonly #path: string
  readonly #template = callTemplate('2026', PAYLOAD)
  readonly #headers = headersOf('2026', { method: 'tools/call', name: ECHO })
  #serial = FIRST_SERIAL

  constructor(url: string, connections: number) {
    const { origin, pathname } = new URL(url)
    this.#pool = new Pool(origin, { connections, pipelining: 1, keepAliveTimeout: 60_000 })
    this.#path = pathname
  }

  /** One call; gives its latency in microseconds. Rejects for any answer that is not the echo. */
  async call(show: Show): Promise<number> {
    const body = Buffer.from(this.#template.bytes)
    stamp(body, this.#template, ++this.#serial)
    const headers = [...this.#headers, ...show()]
    const began = performance.now()
    const answer = await this.#pool.request({ path: this.#path, method: 'POST', headers, body })
    const text = await answer.body.text()
    const took = (performance.now() - began) * 1_000
    if (answer.statusCode === 200 && text.includes('banyan grows')) return took
    throw new Error(`${answer.statusCode} ${text.slice(0, 300)}`)
  }

  /** So many calls, so many at a time; the latencies, sorted. */
  async run(requests: number, inFlight: number, show: Show): Promise<Float64Array> {
    const took = new Float64Array(requests)
    let issued = 0
    const slot = async (): Promise<void> => {
      while (issued < requests) {
        const at = issued++
        took[at] = await this.call(show)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, slot))
    return took.toSorted()
  }

  /** Calls until one succeeds: a node that has just started is still looking at its upstreams. */
  async ready(show: Show, patienceMs: number): Promise<void> {
    const end = performance.now() + patienceMs
    for (;;) {
      try {
        await this.call(show)
        return
      } catch (error) {
        if (performance.now() > end) throw error
        await pause(READY_STEP_MS)
      }
    }
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

export function median(sorted: Float64Array): number {
  return quantile(sorted, 0.5)
}
