import type { ChildProcess } from 'node:child_process'
import { docker, follow } from './docker.ts'

const PATIENCE_MS = 60_000
/** What the engine says of a container that was never ended. */
const NEVER = '0001-'

/** Hears a line that a container writes. @returns whether it says that all is there */
type OnOutput = (line: string) => boolean

/** One container of a lab, made but not started: it can be started and ended, again and again. */
export class Container {
  readonly #name: string
  readonly #id: () => string
  #follower: ChildProcess | undefined
  #last = ''
  /** Resolves with what is wrong when it ends though nobody ended it. */
  readonly failure: Promise<Error>
  readonly #fail: (error: Error) => void

  /**
   * @param name in messages
   * @param id of the container, known once it was made
   */
  constructor(name: string, id: () => string) {
    this.#name = name
    this.#id = id
    const { promise, resolve } = Promise.withResolvers<Error>()
    this.failure = promise
    this.#fail = resolve
  }

  /**
   * Starts it. Resolves when it says that all is there.
   *
   * @throws Error with the last it said when it does not come to that
   */
  async start(onOutput: OnOutput): Promise<void> {
    const id = this.#id()
    // Of an earlier life nothing is to be heard, and of this one all.
    const ended = await docker('inspect', '--format', '{{.State.FinishedAt}}', id)
    await docker('start', id)
    const there = Promise.withResolvers<undefined>()
    const child = follow(id, ended.startsWith(NEVER) ? undefined : ended, (line) => {
      if (this.#follower !== child) return
      this.#last = line
      if (onOutput(line)) there.resolve(undefined)
    })
    this.#follower = child
    child.once('error', (error) => there.reject(error))
    child.once('close', () => {
      const error = new Error(`${this.#name} ended: ${this.#last}`)
      there.reject(error)
      if (this.#follower !== child) return
      this.#follower = undefined
      this.#fail(error)
    })
    const timer = setTimeout(
      () => there.reject(new Error(`${this.#name} does not start: ${this.#last}`)),
      PATIENCE_MS,
    )
    return there.promise.finally(() => clearTimeout(timer))
  }

  /** Ends it without a word. Resolves when it has ended. */
  async kill(): Promise<void> {
    if (this.#follower === undefined) return
    this.abandon()
    await docker('kill', '--signal', 'KILL', this.#id())
    await docker('wait', this.#id())
  }

  /** Nobody hears it any more; it goes on. */
  abandon(): void {
    const child = this.#follower
    this.#follower = undefined
    child?.kill('SIGKILL')
    // Where "docker" is a script, what it started may go on, and would keep this process from ending.
    child?.stdout?.destroy()
    child?.stderr?.destroy()
  }
}
