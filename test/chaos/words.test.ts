// Whoever gets an error can tell from its words which upstream it came from.
import { expect, test } from 'vitest'
import { objectAt } from '../fixtures/wire.ts'
import { EXCHANGES } from './exchanges.ts'
import { Stage } from './stage.ts'
import type { Fault, Kind } from './upstreams.ts'

const KINDS: readonly Kind[] = [
  { transport: 'http', era: '2025' },
  { transport: 'http', era: '2026' },
  { transport: 'stdio', era: '2025' },
]
const FAULTS: readonly Fault[] = ['killed', 'hung', 'middle']
const CELLS = KINDS.flatMap((kind) => FAULTS.map((fault) => ({ ...kind, kind, fault })))

test.concurrent.each(CELLS)(
  'the error of a call names its upstream ($transport, era $era, $fault)',
  async ({ kind, fault }) => {
    const stage = await Stage.set({ kind, fault, caller: '2026' })
    try {
      await stage.works()
      const finish = await EXCHANGES[0]?.begin(stage)
      await stage.strike()
      const [answer] = (await finish?.()) ?? []
      expect(objectAt(answer, 'error')['message']).toContain(`upstream "${stage.label}"`)
    } finally {
      await stage.close()
    }
  },
  20_000,
)
