// A node in a process of its own, whose loop can be blocked: `blocked-node.ts URL`. Told `{ block: ms }`, it does nothing at
// all for so long; told `{ of: id }`, it says what it knows of a node.
import process from 'node:process'
import { NatsMesh } from './mesh.ts'

/** What it is told. */
export type BlockedOrder = { readonly block: number } | { readonly of: string }

/** What it says of a node, and of itself. */
export interface BlockedReport {
  readonly id: string
  readonly state: string
  /** How often it lost the bus. */
  readonly losses: number
  readonly revision: string | undefined
  /** What its bus complained of last. */
  readonly problem?: string | undefined
}

const [, , url = ''] = process.argv
const mesh = new NatsMesh({ organisation: 'acme' })
const node = mesh.add([url])
let losses = 0
const { speaker } = node
const onBus = speaker.onBus.bind(speaker)
speaker.onBus = (connected) => {
  if (!connected) losses += 1
  onBus(connected)
}

process.on('message', (order: BlockedOrder) => {
  if ('block' in order) {
    process.send?.('blocked')
    // The word above goes out before the loop stands still.
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, order.block))
    return
  }
  const report: BlockedReport = {
    id: node.id,
    state: speaker.bus,
    losses,
    revision: node.revisionOf(order.of),
    problem: node.problems.at(-1),
  }
  process.send?.(report)
})

process.on('disconnect', () => {
  void mesh.close().then(() => process.exit(0))
})
