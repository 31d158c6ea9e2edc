import { isObject, type JsonObject, type RpcRequest } from '../../../protocol/jsonrpc.ts'
import { DEFAULT_RESULTS, FINDER, MAX_DESCRIBED, MAX_QUERY, MAX_RESULTS } from './finder-tools.ts'

/** What a caller did wrong, in words that let a model do better. */
export class WrongArguments extends Error {
  override readonly name = 'WrongArguments'
}

/** What is searched for. */
export interface SearchWish {
  /** Empty: everything, by name. */
  readonly query: string
  readonly limit: number
  readonly offset: number
}

/** @throws WrongArguments */
export function searchWish(request: RpcRequest): SearchWish {
  const given = argumentsOf(request, ['query', 'limit', 'offset'])
  const { query, limit = DEFAULT_RESULTS, offset = 0 } = given
  if (typeof query !== 'string') throw new WrongArguments('"query" must be text')
  if (query.length > MAX_QUERY) {
    throw new WrongArguments(
      `"query" is longer than ${MAX_QUERY} characters: say it in a few words`,
    )
  }
  if (!isCount(limit) || limit < 1 || limit > MAX_RESULTS) {
    throw new WrongArguments(`"limit" must be a whole number from 1 to ${MAX_RESULTS}`)
  }
  if (!isCount(offset)) throw new WrongArguments('"offset" must be a whole number from 0 on')
  return { query, limit, offset }
}

/** The names of the tools to describe, each once. @throws WrongArguments */
export function describeWish(request: RpcRequest): readonly string[] {
  const { names } = argumentsOf(request, ['names'])
  const isList = Array.isArray(names) && names.every((name) => typeof name === 'string')
  if (!isList || names.length === 0) {
    throw new WrongArguments(
      `"names" must be a list of names of tools, as ${FINDER.search} gives them`,
    )
  }
  if (names.length > MAX_DESCRIBED) {
    throw new WrongArguments(`"names" has more than ${MAX_DESCRIBED} names: ask for those you need`)
  }
  return [...new Set(names)]
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function argumentsOf(request: RpcRequest, known: readonly string[]): JsonObject {
  const given = request.param('arguments') ?? {}
  if (!isObject(given)) throw new WrongArguments('"arguments" must be an object')
  const unknown = Object.keys(given).find((key) => !known.includes(key))
  if (unknown === undefined) return given
  const names = known.map((key) => `"${key}"`).join(', ')
  throw new WrongArguments(`"${unknown.slice(0, 100)}" is unknown: it takes ${names}`)
}
