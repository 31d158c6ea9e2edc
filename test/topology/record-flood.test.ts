// Records on links: what it costs two nodes to find that they know the same, or what one of them lacks.
import { beforeEach, describe, expect, test } from 'vitest'
import type { LinkMessage } from '../../topology/link-message.ts'
import { linkMessageJson } from '../../topology/link-message.ts'
import type { Side } from '../../topology/links.ts'
import { MeshSim } from '../../topology/sim/mesh-sim.ts'
import type { SimNode } from '../../topology/sim/sim-node.ts'
import { recordOf } from './records.ts'

const KNOWN = 300

let sim: MeshSim
let said: { readonly from: string; readonly side: Side; readonly message: LinkMessage }[]

/** `a` uses `b`; neither hears the bus, both know the same nodes. */
beforeEach(() => {
  sim = new MeshSim(1)
  said = []
  sim.bus('acme').set(false)
  for (const id of ['a', 'b']) sim.addNode({ id, organisation: 'acme' })
  sim.addLink({ from: 'a', to: 'b' })
  sim.run(20_000)
  for (const id of ['a', 'b']) for (let at = 0; at < KNOWN; at += 1) tell(id, `x${at}`)
  sim.run(20_000)
  const carry = sim.carry.bind(sim)
  sim.carry = (from: SimNode, to: string, side: Side, message: LinkMessage) => {
    said.push({ from: from.id, side, message })
    carry(from, to, side, message)
  }
})

function tell(to: string, of: string, seq = 1): void {
  const { text } = sim.notary.seal(recordOf(of, { seq }))
  sim.nodes.get(to)?.hear((speaker) => speaker.onBusRecord(of, text))
}

/** The link breaks, something happens, and it is there again. */
function interrupted(meanwhile: () => void): void {
  const link = sim.link('a', 'b')
  if (link === undefined) throw new Error('no such link')
  Object.assign(link.cut, { forth: true, back: true })
  sim.run(30_000)
  meanwhile()
  sim.run(1_000)
  Object.assign(link.cut, { forth: false, back: false })
  said.length = 0
  sim.run(120_000)
}

/** Characters of what went over the link, greetings and notes only. */
function size(): number {
  const notes = said.filter(({ message }) => message.type !== 'routes')
  return notes.reduce(
    (sum, { message }) => sum + JSON.stringify(linkMessageJson(message)).length,
    0,
  )
}

function records(): number {
  return said.reduce((sum, { message }) => {
    const texts =
      message.type === 'reply' && 'records' in message.reply ? message.reply.records : []
    return sum + texts.length + ('records' in message ? message.records.length : 0)
  }, 0)
}

const roots = () => new Set([...sim.nodes.values()].map(({ speaker }) => speaker?.db.tree.root()))

describe('a connection that is there again', () => {
  test('costs a few words when both know the same, however much that is', () => {
    // Each says of its own link what the other has not heard; that is all there is to tell.
    interrupted(() => undefined)
    expect(sim.nodes.get('a')?.speaker?.db.size).toBe(KNOWN + 2)
    expect(roots().size).toBe(1)
    expect(records()).toBeLessThan(6)
    expect(said.filter(({ message }) => message.type === 'hello').length).toBeLessThanOrEqual(4)
  })

  test('brings what one of them lacks, either way, and nothing else', () => {
    interrupted(() => {
      for (let at = 0; at < 10; at += 1) tell('a', `x${at}`, 2)
      for (let at = 10; at < 20; at += 1) tell('b', `x${at}`, 2)
      tell('b', 'new')
    })
    expect(roots().size).toBe(1)
    expect(sim.nodes.get('a')?.speaker?.db.version('x15')).toEqual({ inc: 1, seq: 2 })
    expect(sim.nodes.get('b')?.speaker?.db.version('x5')).toEqual({ inc: 1, seq: 2 })
    expect(records()).toBeLessThan(KNOWN / 2)
  })
})

describe('a greeting', () => {
  test('is one small message each, when both know the same', () => {
    const { speaker } = sim.nodes.get('b') ?? {}
    const before = roots()
    sim.nodes.get('b')?.hear(() => speaker?.openDownlink({ id: 'a', organisation: 'acme' }))
    sim.run(1_000)
    expect(roots()).toEqual(before)
    expect(records()).toBe(0)
    expect(
      said.filter(({ message }) => message.type !== 'routes').map(({ message }) => message.type),
    ).toEqual(['hello', 'hello'])
    expect(size()).toBeLessThan(400)
  })

  test('of who hears the bus and is in step with it starts nothing, whatever the other has', () => {
    sim.bus('acme').set(true)
    sim.run(60_000)
    said.length = 0
    tell('b', 'late')
    sim.nodes.get('b')?.hear((speaker) => speaker.openDownlink({ id: 'a', organisation: 'acme' }))
    sim.run(100)
    expect(said.map(({ message }) => message.type)).not.toContain('ask')
  })

  test('answers to questions nobody asked are not looked at', () => {
    const { speaker } = sim.nodes.get('a') ?? {}
    const { text } = sim.notary.seal(recordOf('x1', { seq: 9 }))
    const reply = { type: 'reply', round: 7, reply: { records: [text], need: [] } } as const
    speaker?.onLinkMessage('b', 'up', reply)
    speaker?.onLinkMessage('b', 'down', reply)
    expect(speaker?.db.version('x1')).toEqual({ inc: 1, seq: 1 })
  })
})
