import type { Member } from './json-bytes.ts'
import { insertMembers, removeMembers, type Edit } from './json-edit.ts'

/** Members for a `_meta`, as JSON text, in place of what stands there; undefined takes one out. */
export type MetaChanges = readonly (readonly [key: string, text: string | undefined])[]

/**
 * How an object comes to have other members in its `_meta`.
 *
 * @param meta the object's `_meta`, looked into; undefined where it has none
 * @returns the edits; and where there is no `_meta`, the text of one, to be inserted as a member
 */
export function changeMeta(
  bytes: Buffer,
  meta: Member | undefined,
  changes: MetaChanges,
): { readonly edits: readonly Edit[]; readonly member?: string } {
  const members = changes.flatMap(([key, text]) => (text === undefined ? [] : [`"${key}":${text}`]))
  const text = members.join(',')
  if (meta === undefined) {
    return text === '' ? { edits: [] } : { edits: [], member: `"_meta":{${text}}` }
  }
  // Some servers write `null` for what they leave out.
  const { start, end, inside = [] } = meta
  const isReplaced = ({ key }: Member): boolean => changes.some(([other]) => other === key)
  if (inside.every(isReplaced)) return { edits: [{ start, end, text: `{${text}}` }] }
  const gone = removeMembers(inside, isReplaced)
  return { edits: text === '' ? gone : [insertMembers(bytes, start, text), ...gone] }
}
