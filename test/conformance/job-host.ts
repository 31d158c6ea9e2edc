// Where the suite's client mode has its work done: in the process of the tests, which has everything loaded. What the
// suite starts for each scenario is a small program that asks here (job-asker.ts).
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** What the suite wants a client to do. */
export interface Job {
  readonly scenario: string
  /** JSON text of what the scenario tells its client. */
  readonly context: string | undefined
  /** Of the scenario's server. */
  readonly url: string
}

/** What became of it: what the program says where, and its exit code. */
export interface Outcome {
  readonly stdout: string
  readonly stderr: string
  readonly code: number
}

const ASKER = fileURLToPath(new URL('job-asker.ts', import.meta.url))

/** Does jobs for programs of the suite. */
export class JobHost {
  readonly #server: Server
  readonly #jobs = new Map<string, (job: Job) => Promise<string>>()

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#answer(request, response)
    })
  }

  static async start(): Promise<JobHost> {
    const host = new JobHost()
    host.#server.listen(0, '127.0.0.1')
    await once(host.#server, 'listening')
    return host
  }

  /**
   * The command that has a job done.
   *
   * @param work gives what is to be said, also when the scenario was not to its liking; throws when the client failed
   */
  command(work: (job: Job) => Promise<string>): readonly string[] {
    const path = `/${this.#jobs.size}`
    this.#jobs.set(path, work)
    const { port } = this.#server.address() as AddressInfo
    return [process.execPath, ASKER, `http://127.0.0.1:${port}${path}`]
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const work = this.#jobs.get(request.url ?? '')
    const job = JSON.parse(await text(request)) as Job
    response.end(JSON.stringify(await outcomeOf(work, job)))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

async function outcomeOf(
  work: ((job: Job) => Promise<string>) | undefined,
  job: Job,
): Promise<Outcome> {
  if (work === undefined) return { stdout: '', stderr: 'no such job\n', code: 1 }
  try {
    const stdout = await work(job)
    return { stdout, stderr: '', code: stdout === '' ? 0 : 1 }
  } catch (error) {
    return { stdout: '', stderr: `${String(error)}\n`, code: 1 }
  }
}
