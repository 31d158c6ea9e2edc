// The nodes of an example in this process, each from its own file.
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parse } from 'yaml'
import { createNode, type BanyanNode, type Logger } from '../../node/main/index.ts'
import { placeOf, type Place } from './place.ts'

/** A running example. */
export interface Running {
  readonly place: Place
  /** By the names of their files, without `.yaml`. */
  node(name: string): BanyanNode
  /** Starts one more node, and waits until it has tried its upstreams. */
  start(name: string): Promise<void>
  close(): Promise<void>
}

/** Hears what a node says in its log, see docs/events.md; errors go to standard error. */
export type Listener = (
  name: string,
  message: string,
  facts: Readonly<Record<string, unknown>>,
) => void

/**
 * Starts nodes of a copy of an example, and waits until each has tried its upstreams.
 *
 * @param here `import.meta.url` of a file in its folder
 * @param names of the files, innermost first, so that each finds its upstreams up
 */
export async function startNodes(
  here: string,
  names: readonly string[],
  heard: Listener = () => undefined,
): Promise<Running> {
  const place = await placeOf(here)
  const nodes = new Map<string, BanyanNode>()
  const read = async (name: string): Promise<object> =>
    parse(await readFile(place.file(`${name}.yaml`), 'utf8')) as object
  const get = (name: string): BanyanNode => {
    const node = nodes.get(name)
    if (node === undefined) throw new Error(`there is no node ${name}`)
    return node
  }
  const close = async (): Promise<void> => {
    // The outermost first, so that no node sees its upstream vanish.
    for (const node of [...nodes.values()].toReversed()) await node.close()
    await place.remove()
  }
  const start = async (name: string): Promise<void> => {
    const baseDir = dirname(place.file(name))
    const node = await createNode(await read(name), { baseDir, log: loggerOf(name, heard) })
    nodes.set(name, node)
    await node.ready()
  }
  try {
    for (const name of names) await start(name)
  } catch (error) {
    await close()
    throw error
  }
  return {
    place,
    node: get,
    start,
    close,
  }
}

function loggerOf(name: string, heard: Listener): Logger {
  const hear: Logger['info'] = (facts, message) => heard(name, message, facts)
  const complain: Logger['error'] = (facts, message) => {
    process.stderr.write(`${name}: ${message} ${JSON.stringify(facts)}\n`)
  }
  return { debug: hear, info: hear, warn: hear, error: complain }
}
