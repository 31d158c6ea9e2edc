import { memberOf } from '../../protocol/json-bytes.ts'
import { removeMembers, splice } from '../../protocol/json-edit.ts'
import { isObject } from '../../protocol/jsonrpc.ts'
import {
  readError,
  readParams,
  readUpstreamMessage,
  type UpstreamMessage,
} from '../../protocol/upstream-message.ts'
import { OWN, type Context } from '../core/stages.ts'
import { ask, ownFrame } from '../outbound/ask.ts'
import type { Connection, Sent } from '../outbound/connection.ts'

/** What listening needs of a connection. */
export type ListenedConnection = Pick<Connection, 'era' | 'meta' | 'send'>

/** What listening needs of a link. */
export interface ListenedLink {
  current(context: Context): ListenedConnection | undefined
  /** @throws Fault when there is none to be had */
  connection(context: Context): Promise<ListenedConnection>
}

/** Delay before a listen that dropped is opened again, milliseconds, doubling from min to max. */
const RELISTEN_MS = { min: 100, max: 5_000 } as const

/** How long an upstream may take to say what has become of a task, milliseconds. */
const LOOK_MS = 10_000

/** What a listen at one upstream is made with. */
export interface TaskListenPlan<Task extends { readonly id: string }> {
  /** The link there is now; undefined when the upstream was taken out of the configuration. */
  readonly link: () => ListenedLink | undefined
  /** By `id` as the upstream knows them. */
  readonly tasks: readonly Task[]
  /** As in `ClientCapabilities`. */
  readonly offered: string
  /** How long the caller waits for what is granted, milliseconds. */
  readonly patienceMs: number
  /** Gets a `notifications/tasks` about a task that was granted. */
  readonly heard: (task: Task, message: UpstreamMessage) => void
}

/**
 * Hears of tasks at one upstream by a `subscriptions/listen` of its own (SEP-2663). What was granted stays so: a listen
 * that drops is opened again, and the tasks are looked at once, because something may have been missed.
 */
export class TaskListen<Task extends { readonly id: string }> {
  readonly #plan: TaskListenPlan<Task>
  #wanted: ReadonlyMap<string, Task>
  #granted = false
  /** Counts the attempts; what belongs to an older one is not heard. */
  #turn = 0
  #sent: Sent | undefined
  #timer: NodeJS.Timeout | undefined
  #delay: number = RELISTEN_MS.min
  #since = 0
  #decide: (() => void) | undefined

  constructor(plan: TaskListenPlan<Task>) {
    this.#plan = plan
    this.#wanted = new Map(plan.tasks.map((task) => [task.id, task]))
  }

  /** The tasks the upstream tells of. */
  get granted(): readonly Task[] {
    return this.#granted ? [...this.#wanted.values()] : []
  }

  /** Listens. Resolves when that is granted, refused, or takes too long; never rejects. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#decide = resolve
      void this.#listen()
    })
  }

  /** Nobody wants to hear any more. */
  end(): void {
    this.#drop()
    this.#settle()
  }

  async #listen(): Promise<void> {
    const turn = (this.#turn += 1)
    this.#timer = setTimeout(() => this.#dropped(turn), this.#plan.patienceMs)
    const connection = await this.#connect()
    if (turn !== this.#turn) return
    // Era 2025 has no such thing.
    if (connection?.era !== '2026') {
      this.#dropped(turn)
      return
    }
    const notifications = { taskIds: [...this.#wanted.keys()] }
    const meta = connection.meta(this.#plan.offered)
    this.#sent = connection.send(ownFrame('subscriptions/listen', { notifications }, meta), {
      notification: (message) => {
        if (turn === this.#turn) this.#take(message, connection)
        return true
      },
      request: () => undefined,
      response: () => this.#dropped(turn),
      failed: () => this.#dropped(turn),
    })
  }

  async #connect(): Promise<ListenedConnection | undefined> {
    const link = this.#plan.link()
    try {
      return link?.current(OWN) ?? (await link?.connection(OWN))
    } catch {
      return undefined
    }
  }

  #take(message: UpstreamMessage, connection: ListenedConnection): void {
    const { method } = message
    if (method === 'notifications/subscriptions/acknowledged') {
      this.#acknowledged(readParams(message)['notifications'], connection)
    } else if (method === 'notifications/tasks' && this.#granted) this.#hear(message)
  }

  #acknowledged(granted: unknown, connection: ListenedConnection): void {
    clearTimeout(this.#timer)
    this.#since = performance.now()
    if (this.#granted) {
      void this.#catchUp(connection)
      return
    }
    const ids = isObject(granted) && Array.isArray(granted['taskIds']) ? granted['taskIds'] : []
    this.#wanted = new Map([...this.#wanted].filter(([id]) => ids.includes(id)))
    this.#granted = true
    this.#settle()
    // Granted nothing, there is nothing to wait for.
    if (this.#wanted.size === 0) this.end()
  }

  #hear(message: UpstreamMessage): void {
    const { taskId } = readParams(message)
    const task = typeof taskId === 'string' ? this.#wanted.get(taskId) : undefined
    if (task !== undefined) this.#plan.heard(task, message)
  }

  /** Tells of each task what polling would: what happened while nobody listened is unknown. */
  async #catchUp(connection: ListenedConnection): Promise<void> {
    const turn = this.#turn
    for (const taskId of this.#wanted.keys()) {
      const found = await look(connection, taskId, this.#plan.offered)
      if (turn !== this.#turn) return
      if (found !== undefined) this.#hear(found)
    }
  }

  #dropped(turn: number): void {
    if (turn !== this.#turn) return
    this.#drop()
    if (!this.#granted) {
      this.end()
      return
    }
    // One that never lasts must not make the node hammer its upstream.
    if (performance.now() - this.#since > RELISTEN_MS.max) this.#delay = RELISTEN_MS.min
    this.#timer = setTimeout(() => void this.#listen(), this.#delay)
    this.#delay = Math.min(this.#delay * 2, RELISTEN_MS.max)
  }

  #drop(): void {
    this.#turn += 1
    clearTimeout(this.#timer)
    this.#sent?.cancel('not needed any more')
    this.#sent = undefined
  }

  #settle(): void {
    this.#decide?.()
    this.#decide = undefined
  }
}

/** What an upstream says of a task now, as the notification it may have sent; undefined when it says nothing of use. */
async function look(
  connection: ListenedConnection,
  taskId: string,
  offered: string,
): Promise<UpstreamMessage | undefined> {
  const frame = ownFrame('tasks/get', { taskId }, connection.meta(offered))
  try {
    return asNotification(
      await ask((...sent) => connection.send(...sent), { ...frame, name: taskId }, LOOK_MS),
    )
  } catch {
    return undefined
  }
}

function asNotification(message: UpstreamMessage): UpstreamMessage | undefined {
  const { raw, members } = message
  const result = memberOf(members, 'result')
  if (readError(message) !== undefined || result?.inside === undefined) return undefined
  const edits = removeMembers(result.inside, ({ key }) => key === 'resultType' || key === '_meta')
  const params = splice(
    raw.subarray(result.start, result.end),
    edits.map((edit) => {
      return { ...edit, start: edit.start - result.start, end: edit.end - result.start }
    }),
  )
  const head = '{"jsonrpc":"2.0","method":"notifications/tasks","params":'
  return readUpstreamMessage(Buffer.concat([Buffer.from(head), params, Buffer.from('}')]))
}
