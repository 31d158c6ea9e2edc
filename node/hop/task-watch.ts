import { isUtf8 } from 'node:buffer'
import type { ClientCapabilities } from '../../protocol/client-capabilities.ts'
import { Fault } from '../../protocol/errors.ts'
import { readTaskQuestions } from '../../protocol/input-required.ts'
import { memberOf, type Member } from '../../protocol/json-bytes.ts'
import { insertMembers, splice, type Edit } from '../../protocol/json-edit.ts'
import { META } from '../../protocol/meta.ts'
import { taskIdEditsIn } from '../../protocol/task-edits.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import {
  OWN,
  type Authenticated,
  type Candidate,
  type Entry,
  type Subscribed,
  type TaskWatchRequest,
} from '../core/stages.ts'
import type { Catalogue } from './catalogue.ts'
import { askerOf } from './fresh-lists.ts'
import type { Upstreams } from './exchange.ts'
import { linksFrom, paramLinkEdits } from './hidden-links.ts'
import { refuseUndeclared } from './questions.ts'
import { PATIENCE_MS } from './subscriptions.ts'
import type { TaskIds, TaskOwner, TaskPlace } from './task-ids.ts'
import { TaskListen } from './task-listen.ts'
import { urisFrom } from './uri-map.ts'

/** What watching tasks takes. */
export interface TaskWatchParts {
  readonly catalogue: Pick<Catalogue, 'find' | 'findResource' | 'firstLists' | 'sightOf'>
  readonly tasks: TaskIds
  readonly upstreams: () => Upstreams
  /** How an endpoint names what it shows. */
  readonly names: (endpoint: string) => 'prefixed' | 'plain'
}

/** A task one listen wants to hear of. */
interface Watched extends TaskPlace {
  /** Its id as the caller has it. */
  readonly shown: string
}

/** The tool a task is a call of, and the way to the upstream that runs it. */
interface Way {
  readonly entry: Entry
  readonly candidate: Candidate
}

/**
 * Watches tasks for one `subscriptions/listen` (SEP-2663, Task Status Notifications): at each upstream that runs some of
 * them by a listen of its own, for what one caller may hear of no other may. Ids that lead nowhere for this caller are not
 * granted, and nobody is asked about them. Resolves when upstreams have granted or refused, or take too long; never
 * rejects.
 */
export async function watchTasks(
  parts: TaskWatchParts,
  call: Authenticated,
  { taskIds, changed }: TaskWatchRequest,
): Promise<Subscribed> {
  const watch = new TaskWatch(parts, call, changed)
  const listens = await watch.listens(taskIds)
  await Promise.all(listens.map((listen) => listen.start()))
  const granted = new Set(listens.flatMap((listen) => listen.granted.map(({ shown }) => shown)))
  return {
    granted: taskIds.filter((id) => granted.has(id)),
    end: () => {
      for (const listen of listens) listen.end()
    },
  }
}

/** Finds the tasks of one listen, and turns what upstreams say of them into what its caller is told. */
class TaskWatch {
  readonly #parts: TaskWatchParts
  readonly #call: Authenticated
  readonly #changed: TaskWatchRequest['changed']

  constructor(parts: TaskWatchParts, call: Authenticated, changed: TaskWatchRequest['changed']) {
    this.#parts = parts
    this.#call = call
    this.#changed = changed
  }

  /** One for each upstream that runs some of the tasks. */
  async listens(taskIds: readonly string[]): Promise<readonly TaskListen<Watched>[]> {
    const watched = taskIds.flatMap((shown): Watched[] => {
      const place = this.#parts.tasks.find(this.#owner, shown)
      return place === undefined ? [] : [{ ...place, shown }]
    })
    await Promise.all(watched.map((task) => this.#firstLists(task)))
    const known = watched.filter((task) => this.#wayTo(task) !== undefined)
    const byUpstream = Map.groupBy(known, ({ upstream }) => upstream)
    return [...byUpstream].map(([upstream, tasks]) => this.#listen(upstream, tasks))
  }

  get #owner(): TaskOwner {
    const { received, principal } = this.#call
    return { endpoint: received.endpoint, principal }
  }

  get #capabilities(): ClientCapabilities {
    return this.#call.received.caller.capabilities
  }

  /** Right after the start a tool may be unknown only because the list it stands in is still on its way. */
  async #firstLists({ tool }: TaskPlace): Promise<void> {
    await this.#parts.catalogue.firstLists(askerOf(this.#call), 'tool', tool)
  }

  /** Undefined when the tool is not to be seen any more: then its tasks are not, either. */
  #wayTo({ tool, upstream }: TaskPlace): Way | undefined {
    const { catalogue } = this.#parts
    const entry = catalogue.find(this.#owner, 'tool', tool)
    const candidate = entry?.candidates.find((one) => one.upstream === upstream)
    if (entry === undefined || candidate === undefined) return undefined
    const sight = catalogue.sightOf(this.#owner)
    return sight?.sees(entry) === false ? undefined : { entry, candidate }
  }

  #listen(upstream: string, tasks: readonly Watched[]): TaskListen<Watched> {
    const imported = tasks.some((task) => this.#wayTo(task)?.candidate.imported === true)
    const forNode = imported ? PATIENCE_MS.nodeForNode : PATIENCE_MS.nodeForServer
    return new TaskListen({
      // By label: after a change of the configuration there may be another link.
      link: () => this.#parts.upstreams().get(upstream)?.link,
      tasks,
      offered: this.#capabilities.offered,
      patienceMs: this.#capabilities.federation === undefined ? PATIENCE_MS.client : forNode,
      heard: (task, message) => this.#heard(task, message),
    })
  }

  #heard(task: Watched, message: UpstreamMessage): void {
    const way = this.#wayTo(task)
    if (way === undefined) return
    try {
      const text = this.#translate(task, way, message)
      if (text !== undefined) this.#changed(task.shown, text)
    } catch (error) {
      // What cannot be read, or asks for what the caller did not declare, is kept from it; polling says why.
      if (!(error instanceof Fault)) throw error
    }
  }

  #translate(task: Watched, way: Way, { raw, members }: UpstreamMessage): Buffer | undefined {
    const params = memberOf(members, 'params')
    if (params?.inside === undefined || !isUtf8(raw)) return undefined
    refuseUndeclared(readTaskQuestions(raw, params.inside), this.#capabilities)
    const edits = taskIdEditsIn(raw, params.inside, (id) => this.#idFor(task, id))
    return splice(raw, [
      ...edits,
      ...this.#uriEdits(way, raw, params),
      this.#subscriptionEdit(raw, params),
    ])
  }

  #idFor({ tool, upstream }: Watched, id: string): string {
    return this.#parts.tasks.seal(this.#owner, { tool, upstream, id })
  }

  #uriEdits(way: Way, raw: Buffer, { start, end }: Member): readonly Edit[] {
    const { upstream } = way.candidate
    const peer = this.#parts.upstreams().get(upstream)?.link.current(OWN)?.server.federation
    const map = urisFrom(this.#parts.names(this.#owner.endpoint), way, peer)
    const { entry } = way
    const links = linksFrom(this.#parts.catalogue, { asker: this.#owner, entry, map })
    const params = raw.subarray(start, end)
    return paramLinkEdits(links, 'notifications/tasks', params).map((edit) => {
      return { ...edit, start: edit.start + start, end: edit.end + start }
    })
  }

  /** The subscription is the caller's, not the one this node has upstream. */
  #subscriptionEdit(raw: Buffer, params: Member): Edit {
    const id = JSON.stringify(this.#call.received.request.id)
    const own = `"${META.subscriptionId}":${id}`
    const meta = memberOf(params.inside ?? [], '_meta')
    if (meta === undefined) return insertMembers(raw, params.start, `"_meta":{${own}}`)
    if (meta.inside === undefined) return { start: meta.start, end: meta.end, text: `{${own}}` }
    const found = memberOf(meta.inside, META.subscriptionId)
    return found === undefined
      ? insertMembers(raw, meta.start, own)
      : { start: found.start, end: found.end, text: id }
  }
}
