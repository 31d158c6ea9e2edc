// What one node says and believes, told step by step.
import { describe, expect, test } from 'vitest'
import type { LinkMessage } from '../../topology/link-message.ts'
import type { Side } from '../../topology/links.ts'
import { Speaker } from '../../topology/speaker.ts'
import type { OwnNamespace, TopologyEvent, World } from '../../topology/speaker-types.ts'
import { MeshSim } from '../../topology/sim/mesh-sim.ts'
import { Notary } from '../../topology/sim/notary.ts'
import type { SignedRecord } from '../../topology/signed-record.ts'
import type { SyncRequest } from '../../topology/sync.ts'
import { recordOf } from './records.ts'

const WALL = Date.UTC(2026, 0, 1)

/** A speaker alone in the world, and everything it says. */
class Alone {
  readonly notary = new Notary()
  readonly published: SignedRecord[] = []
  readonly sent: { peer: string; side: Side; message: LinkMessage }[] = []
  readonly probed: string[] = []
  readonly asked: SyncRequest[] = []
  readonly heard: TopologyEvent[] = []
  now = 0
  isMember: World['isMember'] = () => true
  readonly speaker: Speaker

  constructor(inc = 5) {
    const settings = new MeshSim(1).settings({ id: 'me', organisation: 'acme' })
    this.speaker = new Speaker(settings, inc, {
      world: {
        now: () => this.now,
        wall: () => WALL + this.now,
        random: () => 0.5,
        seal: this.notary.seal,
        open: this.notary.open,
        isMember: (record) => this.isMember(record),
      },
      outlet: {
        publish: (signed) => this.published.push(signed),
        sync: (request) => this.asked.push(request),
        send: (peer, side, message) => this.sent.push({ peer, side, message }),
        probe: (peer) => this.probed.push(peer),
        routesChanged: () => undefined,
        heard: (event) => this.heard.push(event),
      },
    })
  }

  /** Lets time pass, waking it whenever it wants. */
  pass(ms: number): this {
    const end = this.now + ms
    while (this.speaker.wakeAt <= end) {
      this.now = Math.max(this.now, this.speaker.wakeAt)
      this.speaker.wake()
    }
    this.now = end
    return this
  }

  /** The bus is there, and nobody else is on it. */
  online(): this {
    this.speaker.onBus(true)
    this.pass(300)
    this.speaker.onSyncOutcome('alone')
    return this.pass(300)
  }

  sentTo(peer: string, type: LinkMessage['type']): LinkMessage[] {
    return this.sent.flatMap((one) =>
      one.peer === peer && one.message.type === type ? [one.message] : [],
    )
  }

  refusals(): string[] {
    return this.heard.flatMap((event) => (event.type === 'refused' ? [event.why] : []))
  }
}

function namespace(name: string, more: Partial<OwnNamespace> = {}): OwnNamespace {
  return { name, revision: 'r', count: 1, tags: [], ...more }
}

const INSIDE = { id: 'b', organisation: 'acme' }
const FOREIGN = { id: 'g', organisation: 'globex' }

const recordOfX = (change: Parameters<typeof recordOf>[1]) => recordOf('x', change)

const routesMessage = (seq: number, full: boolean): LinkMessage => ({
  type: 'routes',
  seq,
  full,
  routes: [],
  records: [],
})

/** A chain of three, each with a border and a node behind it, that offer each other what they have. */
function chain(transit: boolean): MeshSim {
  const sim = new MeshSim(7)
  for (const organisation of ['acme', 'globex', 'initech']) {
    const imports = ['acme', 'globex', 'initech'].map((from) => ({
      from,
      preference: 1,
      behind: ['*'],
    }))
    const exports = [{ namespaces: ['pub*'], allow: true, transit }]
    const namespaces = [namespace(`public-${organisation}`), namespace('private')]
    sim.addNode({ id: `${organisation}-in`, organisation, namespaces })
    sim.addNode({ id: `${organisation}-border`, organisation, imports, exports })
    sim.addLink({ from: `${organisation}-border`, to: `${organisation}-in` })
  }
  sim.addLink({ from: 'acme-border', to: 'globex-border' })
  sim.addLink({ from: 'globex-border', to: 'initech-border' })
  sim.run(30_000)
  return sim
}

const keysAt = (sim: MeshSim, id: string): string[] =>
  [...(sim.nodes.get(id)?.speaker?.fib.keys() ?? [])].toSorted((a, b) => (a < b ? -1 : 1))

describe('what a node says', () => {
  test('nothing while the bus is not there, and all of it once it is in step', () => {
    const one = new Alone()
    one.pass(5_000)
    expect(one.published).toEqual([])
    one.online()
    expect(one.published.length).toBeGreaterThan(0)
    expect(one.speaker.bus).toBe('live')
  })

  test('never the name of a namespace that is hidden', () => {
    const one = new Alone().online()
    const hidden = [
      namespace('open'),
      namespace('secret-one', { hidden: 'omitted' }),
      namespace('secret-two', { hidden: { blinded: 'aGFzaA' } }),
    ]
    one.speaker.setNamespaces(hidden)
    one.pass(2_000)
    const { record } = one.published.at(-1) ?? {}
    expect(record?.namespaces.map(({ blinded, name }) => name ?? blinded)).toEqual([
      'open',
      'aGFzaA',
    ])
    expect(JSON.stringify(one.published)).not.toContain('secret')
  })

  test('many changes at once are one record, a lost link is one at once', () => {
    const one = new Alone().online()
    one.pass(5_000)
    const before = one.published.length
    for (let at = 0; at < 10; at += 1) one.speaker.setNamespaces([namespace(`n${at}`)])
    one.pass(1_500)
    expect(one.published.length).toBe(before + 1)
    one.speaker.addUplink(INSIDE, 1)
    one.pass(1_500)
    one.speaker.onProbe('b', 'ok')
    one.pass(1_500)
    const known = one.published.length
    one.speaker.onProbe('b', 'refused')
    one.speaker.onProbe('b', 'refused')
    one.pass(0)
    expect(one.published.length).toBe(known + 1)
    expect(one.published.at(-1)?.record.links).toEqual([{ to: 'b', up: false, epoch: 1, cost: 1 }])
  })

  test('that it goes, and that what it offered is gone', () => {
    const one = new Alone().online()
    one.speaker.setNamespaces([namespace('ns')])
    one.speaker.openDownlink(INSIDE)
    one.pass(2_000)
    one.speaker.leave()
    one.pass(100)
    expect(one.published.at(-1)?.record).toMatchObject({ status: 'left', namespaces: [] })
    expect(one.sentTo('b', 'routes').at(-1)).toMatchObject({
      routes: [{ key: { origin: 'me', namespace: 'ns' }, route: undefined }],
    })
  })

  test('records stay inside the organisation, whether the bus is there or not', () => {
    const one = new Alone()
    one.speaker.openDownlink(FOREIGN)
    one.speaker.openDownlink(INSIDE)
    one.pass(1_000)
    expect(one.sentTo('b', 'records').length).toBeGreaterThan(0)
    expect(one.sentTo('g', 'records')).toEqual([])
    expect(one.sentTo('g', 'hello')).toEqual([])
    one.speaker.onLinkMessage('g', 'down', {
      type: 'records',
      records: [one.notary.seal(recordOf('x')).text],
    })
    expect(one.speaker.db.get('x')).toBeUndefined()
  })

  test('nothing newer than what others hold of it is left unanswered', () => {
    const one = new Alone(5).online()
    one.speaker.onBusRecord('me', one.notary.seal(recordOf('me', { inc: 9, seq: 7 })).text)
    one.pass(0)
    expect(one.speaker.inc).toBe(10)
    expect(one.published.at(-1)?.record).toMatchObject({ inc: 10, seq: 1 })
    expect(one.speaker.db.version('me')).toEqual({ inc: 10, seq: 1 })
  })
})

describe('what a node believes', () => {
  test.each([
    ['of another organisation', recordOfX({ organisation: 'globex' }), 'other-organisation'],
    ['of a start far ahead', recordOfX({ inc: WALL + 49 * 3_600_000 }), 'far-ahead'],
    ['that is long over', recordOfX({ expiresAt: WALL / 1_000 - 49 * 3_600 }), 'over'],
    ['under the subject of another', recordOf('y'), 'other-subject'],
  ])('no record %s', (_, of, why) => {
    const one = new Alone().online()
    one.speaker.onBusRecord('x', one.notary.seal(of).text)
    expect(one.refusals()).toEqual([why])
    expect(one.speaker.db.get('x')).toBeUndefined()
  })

  test('no record of who is no member, and none that nobody signed', () => {
    const one = new Alone().online()
    one.isMember = ({ id }) => id !== 'x'
    one.speaker.onBusRecord('x', one.notary.seal(recordOf('x')).text)
    one.speaker.onBusRecord('x', 'made up')
    expect(one.refusals()).toEqual(['no-member', 'unreadable'])
  })

  test('clocks that are each a day off change nothing', () => {
    const one = new Alone().online()
    const days = 2 * 24 * 3_600 - 60
    for (const [id, off] of [
      ['x', -days],
      ['y', days],
    ] as const) {
      const at = WALL / 1_000 + off
      one.speaker.onBusRecord(
        id,
        one.notary.seal(recordOf(id, { inc: at * 1_000, issuedAt: at, expiresAt: at + 90 })).text,
      )
    }
    expect(one.refusals()).toEqual([])
    expect(one.speaker.db.get('x')).toBeDefined()
    expect(one.speaker.db.get('y')).toBeDefined()
  })

  test('that it should look itself, when somebody lost a node it uses', () => {
    const one = new Alone().online()
    one.speaker.addUplink(INSIDE, 1)
    one.pass(0)
    one.speaker.onProbe('b', 'ok')
    one.pass(100)
    const before = one.probed.length
    const links = [{ to: 'b', up: false, epoch: 1, cost: 1 }]
    one.speaker.onBusRecord('x', one.notary.seal(recordOf('x', { links })).text)
    one.pass(0)
    expect(one.probed.length).toBe(before + 1)
  })

  test('that it missed something, when a message of routes is not the next one', () => {
    const one = new Alone()
    one.speaker.addUplink(INSIDE, 1)
    one.pass(0)
    one.speaker.onProbe('b', 'ok')
    const resends = (): number => one.sentTo('b', 'resend').length
    const before = resends()
    one.speaker.onLinkMessage('b', 'up', routesMessage(4, true))
    one.speaker.onLinkMessage('b', 'up', routesMessage(5, false))
    expect(resends()).toBe(before)
    one.speaker.onLinkMessage('b', 'up', routesMessage(7, false))
    one.speaker.onLinkMessage('b', 'up', routesMessage(8, false))
    expect(resends()).toBe(before + 1)
  })
})

describe('organisations', () => {
  test('show what rules export, as theirs, and nothing of what is inside', () => {
    const sim = chain(false)
    expect(keysAt(sim, 'acme-border')).toEqual([
      'acme-in private',
      'acme-in public-acme',
      'org:globex public-globex',
    ])
    const route = sim.nodes.get('acme-border')?.speaker?.fib.get('org:globex public-globex')
    expect(route?.candidates[0]?.route).toMatchObject({
      path: [{ id: 'acme-border' }, { id: 'globex-border' }],
      organisations: ['acme', 'globex'],
    })
    expect(sim.nodes.get('acme-border')?.speaker?.db.get('globex-in')).toBeUndefined()
  })

  test('pass on what a third gave only where rules give transit', () => {
    expect(keysAt(chain(true), 'acme-border')).toContain('org:initech public-initech')
    expect(keysAt(chain(false), 'acme-border')).not.toContain('org:initech public-initech')
  })

  test('fall silent', () => {
    const sim = chain(true)
    sim.run(120_000)
    const { routes } = sim.counts
    sim.run(300_000)
    expect(sim.counts.routes).toBe(routes)
  })
})
