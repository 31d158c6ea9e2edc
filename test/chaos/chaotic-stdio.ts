// The upstream of these tests as a process. How it is to be stands in files of one folder, so that it can come back as
// another; there it writes its process id, what it was sent and what was wrong with it, and finds the orders that a
// signal tells it of.
import { appendFileSync, closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject, Message } from '../fixtures/wire.ts'
import { SIGNAL, type ChaoticPlan, type Order } from './chaotic-protocol.ts'

const [folder = ''] = process.argv.slice(2)

function file(name: string): string {
  return join(folder, name)
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(file(name), 'utf8'))
}

const { era, down = false, pageSize } = read('plan') as ChaoticPlan
// oxlint-disable-next-line unicorn/no-process-exit -- before it has cost anybody anything
if (down) process.exit(1)

const { GATED_ANSWERS, GATED_OFFERS } = await import('./gated.ts')
const { PipedFixture } = await import('../fixtures/fixture-pipe.ts')
const { plainTool } = await import('../fixtures/fixture-tools.ts')

let blamed = 0

function blame(): void {
  const { violations } = fixture.world
  for (const fault of violations.slice(blamed)) appendFileSync(file('violations'), `${fault}\n`)
  blamed = violations.length
}

/** What is to be held is held once, by whichever process gets it. */
function isHeld({ method, params }: Message): boolean {
  if (!existsSync(file('hold'))) return false
  const { method: held, later } = read('hold') as JsonObject
  if (held !== method || (later === true) !== (params?.['cursor'] !== undefined)) return false
  rmSync(file('hold'))
  return true
}

/** The pipe is closed to the other end; what is written from now on is lost. */
function mute(): void {
  closeSync(process.stdout.fd)
  // Takes the number that is free now.
  openSync('/dev/null', 'w')
}

function obey(order: Order): void {
  const { world } = fixture
  if (order.do === 'announce') fixture.announce(order.of)
  else if (order.do === 'add') world.tools.add(plainTool(order.tool))
  else if (order.do === 'release') world.gate.open()
  else mute()
}

const fixture = new PipedFixture({
  era,
  offers: GATED_OFFERS,
  settings: { ...GATED_ANSWERS, ...(pageSize === undefined ? {} : { pageSize }) },
  dump: file('dump'),
  silentTo: 'completion/complete',
  before: (message) => {
    blame()
    return isHeld(message) ? fixture.world.gate.opened : undefined
  },
})

process.on('exit', blame)
process.on(SIGNAL, () => {
  const order = read('order') as Order & { readonly number: number }
  obey(order)
  appendFileSync(file('obeyed'), `${process.pid} ${order.number}\n`)
})
appendFileSync(file('pid'), `${process.pid}\n`)
