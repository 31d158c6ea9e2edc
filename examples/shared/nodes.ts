// The nodes of an example in this process, each from its own file.
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { createNode, type BanyanNode } from '../../node/main/index.ts'
import { placeOf, type Place } from './place.ts'

/** A running example. */
export interface Running {
  readonly place: Place
  /** By the names of their files, without `.yaml`. */
  node(name: string): BanyanNode
  /** Has a node take its file again. */
  reload(name: string): Promise<void>
  close(): Promise<void>
}

/**
 * Starts nodes of a copy of an example, and waits until each has tried its upstreams.
 *
 * @param here `import.meta.url` of a file in its folder
 * @param names of the files, innermost first, so that each finds its upstreams up
 */
export async function startNodes(here: string, names: readonly string[]): Promise<Running> {
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
  try {
    for (const name of names) {
      const node = await createNode(await read(name), { baseDir: place.folder, log: 'error' })
      nodes.set(name, node)
      await node.ready()
    }
  } catch (error) {
    await close()
    throw error
  }
  return {
    place,
    node: get,
    reload: async (name) => get(name).reload(await read(name)),
    close,
  }
}
