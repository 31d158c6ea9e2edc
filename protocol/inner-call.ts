import { duplicateKey, memberOf, members, type Member } from './json-bytes.ts'
import { readValue } from './json-value.ts'
import { removeMembers, splice, type Edit } from './json-edit.ts'
import { readBody, type RpcRequest } from './jsonrpc.ts'

/** The call that a call speaks of, or what is wrong with what it says, in words for whoever made it. */
export type InnerCall =
  | { readonly ok: true; readonly request: RpcRequest }
  | { readonly ok: false; readonly problem: string }

/** It was read once within the limits that hold, and is not larger now. */
const AS_READ = { jsonDepth: 1_000, metaBytes: Number.MAX_SAFE_INTEGER }

const OPEN_BRACE = 0x7b

/**
 * Makes of a `tools/call` whose arguments are `{ name, arguments }` the `tools/call` of that name with those arguments. All
 * else stays as it came, byte for byte: id, `_meta`, `task`, what a retry says, and how the inner arguments are spelt.
 */
export function innerCall(request: RpcRequest): InnerCall {
  const { raw, paramMembers } = request
  const outer = memberOf(paramMembers, 'arguments')
  const own = memberOf(paramMembers, 'name')
  if (outer === undefined || own === undefined || raw[outer.start] !== OPEN_BRACE) {
    return wrong('"name" is missing: the name of the tool to call')
  }
  const list = members(raw, outer.start)
  const name = memberOf(list, 'name')
  const inner = memberOf(list, 'arguments')
  const problem = problemOf(raw, list, { name, inner })
  if (problem !== undefined || name === undefined) return wrong(problem ?? '')
  const edits: Edit[] = [{ start: own.start, end: own.end, text: textAt(raw, name) }]
  if (inner !== undefined) {
    edits.push({ start: outer.start, end: outer.end, text: textAt(raw, inner) })
  } else edits.push(...removeMembers(paramMembers, ({ key }) => key === 'arguments'))
  const body = readBody(splice(raw, edits), AS_READ)
  if (body.batch || body.message.kind !== 'request') throw new TypeError('no longer a request')
  return { ok: true, request: body.message }
}

function wrong(problem: string): InnerCall {
  return { ok: false, problem }
}

interface Named {
  readonly name: Member | undefined
  readonly inner: Member | undefined
}

function problemOf(
  raw: Buffer,
  list: readonly Member[],
  { name, inner }: Named,
): string | undefined {
  // Another reader could take the other of the two.
  const twice = duplicateKey(list)
  if (twice !== undefined) return `${JSON.stringify(twice)} stands there twice`
  if (name === undefined) return '"name" is missing: the name of the tool to call'
  if (typeof readValue(raw, name) !== 'string') return '"name" must be the name of a tool'
  const unknown = list.find((member) => member !== name && member !== inner)
  if (unknown !== undefined) {
    const key = JSON.stringify(unknown.key.slice(0, 100))
    return `${key} is unknown: what the tool takes belongs into "arguments"`
  }
  if (inner !== undefined && raw[inner.start] !== OPEN_BRACE) {
    return '"arguments" must be an object: what the tool takes, by name, and not as text'
  }
  return undefined
}

function textAt(raw: Buffer, { start, end }: Member): Buffer {
  return raw.subarray(start, end)
}
