// Callers who call nothing directly: every call goes by way of `call_tool`.
import type { JsonObject } from '../fixtures/wire.ts'
import type { MeshCaller } from './caller.ts'

/** The params of the same call by way of `call_tool`. */
export function wrapped({ name, arguments: args, ...rest }: JsonObject): JsonObject {
  const inner = { name, ...(args !== undefined && { arguments: args }) }
  return { name: 'call_tool', arguments: inner, ...rest }
}

export function byCallTool(caller: MeshCaller): MeshCaller {
  const ask: MeshCaller['ask'] = (method, params = {}, options = {}) =>
    caller.ask(method, method === 'tools/call' ? wrapped(params) : params, options)
  return {
    ...caller,
    ask,
    call: (name, args = {}, options = {}) => ask('tools/call', { name, arguments: args }, options),
    begin: (name, args = {}, options = {}) =>
      caller.begin('call_tool', { name, arguments: args }, options),
  }
}
