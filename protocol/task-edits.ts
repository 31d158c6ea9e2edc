import { memberOf, members, type Member } from './json-bytes.ts'
import { readValue } from './json-value.ts'
import type { Edit } from './json-edit.ts'
import type { UpstreamMessage } from './upstream-message.ts'

/** Key of `_meta` that says which task a message belongs to (MCP 2025-11-25, utilities/tasks). */
const RELATED_TASK = 'io.modelcontextprotocol/related-task'

/**
 * The edits that give the tasks in a message other ids: in a result or in the params of a notification or request, where
 * `taskId`, `task.taskId` and the related task of `_meta` stand.
 */
export function taskIdEdits(
  { raw, members: list }: UpstreamMessage,
  rename: (id: string) => string,
): Edit[] {
  const body = memberOf(list, 'result') ?? memberOf(list, 'params')
  return taskIdEditsIn(raw, body?.inside ?? [], rename)
}

/** The same for the members of such a result or params. */
export function taskIdEditsIn(
  raw: Buffer,
  list: readonly Member[],
  rename: (id: string) => string,
): Edit[] {
  const task = memberOf(list, 'task')
  const places = [
    memberOf(list, 'taskId'),
    task === undefined ? undefined : memberOf(objectAt(raw, task), 'taskId'),
    relatedTask(raw, list),
  ]
  return places.flatMap((place) => idEdits(raw, place, rename))
}

/**
 * The edits for the task that params or a result, JSON text, say they belong to. What is no object with such a note is
 * left as it is.
 */
export function relatedTaskEdits(text: Buffer, rename: (id: string) => string): Edit[] {
  if (text[0] !== 0x7b || !text.includes(RELATED_TASK)) return []
  return idEdits(text, relatedTask(text, members(text, 0)), rename)
}

function relatedTask(raw: Buffer, list: readonly Member[]): Member | undefined {
  const meta = memberOf(list, '_meta')
  const related = meta === undefined ? undefined : memberOf(objectAt(raw, meta), RELATED_TASK)
  return related === undefined ? undefined : memberOf(objectAt(raw, related), 'taskId')
}

function idEdits(raw: Buffer, place: Member | undefined, rename: (id: string) => string): Edit[] {
  const id = place === undefined ? undefined : readValue(raw, place)
  if (place === undefined || typeof id !== 'string') return []
  return [{ start: place.start, end: place.end, text: JSON.stringify(rename(id)) }]
}

function objectAt(raw: Buffer, { start }: Member): readonly Member[] {
  return raw[start] === 0x7b ? members(raw, start) : []
}
