import type { Listed } from '../../../protocol/listing.ts'
import type { CallCounts } from '../../../topology/lab/calls.ts'
import type { ClientDraft } from '../../../topology/lab/lab-draft.ts'
import { chooseBy } from '../../../topology/lab/mix.ts'
import { SeededRandom } from '../../../topology/sim/random.ts'
import { LabClient, type CallEnd } from './lab-client.ts'
import type { RunClock } from './run-clock.ts'

const CALL_SEED = 0x2545f491
/** Calls of one client under way at a time; of more it waits with the next. */
const MOST_CALLS = 256

interface ClientsParts {
  readonly clock: RunClock
  readonly seed: number
  readonly endpointOf: (node: string) => string | undefined
  readonly told: (event: object) => void
}

/** The clients of a lab, calling real nodes. */
export class LabClients {
  readonly #parts: ClientsParts
  readonly #random: SeededRandom
  readonly #clients: LabClient[] = []
  readonly counts: CallCounts = { asked: 0, answered: 0, failed: 0, failovers: 0, idle: 0 }
  /** Milliseconds of each call that was answered. */
  readonly times: number[] = []
  #closed = false

  constructor(parts: ClientsParts) {
    this.#parts = parts
    this.#random = new SeededRandom(parts.seed ^ CALL_SEED)
  }

  /** A client begins to call, for the rest of the run. */
  start(name: string, draft: ClientDraft): void {
    const { clock, endpointOf } = this.#parts
    const random = this.#random.fork()
    const client = new LabClient(() => endpointOf(draft.at))
    this.#clients.push(client)
    let open = 0
    const again = (): void => {
      clock.at(clock.now + random.exponential(1_000 / draft.calls.rate), () => {
        again()
        if (open >= MOST_CALLS) return
        open += 1
        void this.#ask(client, { name, draft, random }).finally(() => (open -= 1))
      })
    }
    again()
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#clients.map((client) => client.close()))
  }

  /** Never rejects. */
  async #ask(client: LabClient, { name, draft, random }: Asking): Promise<void> {
    const tool = chosen(await client.tools().catch(() => []), draft, random)
    if (tool === undefined) {
      this.counts.idle += 1
      return
    }
    const startedAt = performance.now()
    const { problem }: CallEnd = await client
      .call(tool, name)
      .catch((error: unknown) => ({ problem: messageOf(error) }))
    // What ends because all ends says nothing.
    if (this.#closed) return
    this.counts.asked += 1
    if (problem === undefined) {
      this.counts.answered += 1
      this.times.push(performance.now() - startedAt)
      return
    }
    this.counts.failed += 1
    const event = { type: 'call-failed', client: name, node: draft.at, tool: tool.name, problem }
    this.#parts.told(event)
  }
}

interface Asking {
  readonly name: string
  readonly draft: ClientDraft
  readonly random: SeededRandom
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** A namespace by the mix of the client, and any tool in it. */
function chosen(
  tools: readonly Listed[],
  { calls }: ClientDraft,
  random: SeededRandom,
): Listed | undefined {
  const spaces = Map.groupBy(tools, ({ name }) => name.slice(0, name.lastIndexOf('__')))
  const names = [...spaces.keys()].toSorted((a, b) => (a < b ? -1 : 1))
  const space = chooseBy(calls.mix, names, random)
  return chooseBy('uniform', spaces.get(space ?? '') ?? [], random)
}
