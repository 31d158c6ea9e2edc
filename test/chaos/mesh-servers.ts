// The servers behind the mesh, and the book of what they did.
import { setTimeout as pause } from 'node:timers/promises'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { text, type FixtureTool } from '../fixtures/fixture-tools.ts'

/** What a tool says of itself. `put` says nothing, and so must not be done twice. */
const HINTS = {
  read: { readOnlyHint: true },
  set: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  put: { readOnlyHint: false },
  walk: { readOnlyHint: true },
} as const

export type ToolName = keyof typeof HINTS

export const TOOL_NAMES = Object.keys(HINTS) as readonly ToolName[]

const STEPS = 3
const STEP_MS = 80

/** How often each thing was done, by what the caller called it. */
export class Ledger {
  readonly #counts = new Map<string, number>()

  add(nonce: string): void {
    this.#counts.set(nonce, this.of(nonce) + 1)
  }

  of(nonce: string): number {
    return this.#counts.get(nonce) ?? 0
  }

  forget(nonce: string): void {
    this.#counts.delete(nonce)
  }
}

/** The one right answer to a call. */
export function answerOf(namespace: string, tool: string, nonce: string): string {
  return `${namespace}/${tool}/${nonce}`
}

async function walk(progress: (done: number, total: number) => void): Promise<void> {
  for (let step = 1; step <= STEPS; step += 1) {
    await pause(STEP_MS)
    progress(step, STEPS)
  }
}

function toolOf(namespace: string, name: ToolName, ledger: Ledger): FixtureTool {
  return {
    definition: {
      name,
      description: `${name} of ${namespace}`,
      inputSchema: { type: 'object', properties: { nonce: { type: 'string' } } },
      annotations: HINTS[name],
    },
    run: async ({ args, progress }) => {
      const nonce = String(args['nonce'])
      ledger.add(nonce)
      if (name === 'walk') await walk(progress)
      return text(answerOf(namespace, name, nonce))
    },
  }
}

/** A server for a namespace, which forgets what it was asked. */
export class Server {
  readonly #fixture: FixtureServer

  private constructor(fixture: FixtureServer) {
    this.#fixture = fixture
  }

  static async start(namespace: string, ledger: Ledger): Promise<Server> {
    const tools = TOOL_NAMES.map((name) => toolOf(namespace, name, ledger))
    const none = { prompts: [], resources: [], templates: [] }
    return new Server(await FixtureServer.start({ tools, ...none }))
  }

  get url(): string {
    return this.#fixture.url
  }

  /** What nodes did wrong towards it. */
  get violations(): readonly string[] {
    return this.#fixture.violations
  }

  /** Lets go of what it recorded. */
  forget(): void {
    const { requests, runs, cancelled, foreign } = this.#fixture
    for (const list of [requests, runs, cancelled.ids, cancelled.closed, foreign]) {
      ;(list as unknown[]).length = 0
    }
  }

  close(): Promise<void> {
    return this.#fixture.close()
  }
}
