// The stdio fixture with the gated things on top. Its era stands in a file, so that it can come back as another; where it
// writes its process id, a test finds what to strike.
import { appendFileSync, readFileSync } from 'node:fs'
import { BUILT_IN_PROMPTS, BUILT_IN_RESOURCES } from '../fixtures/fixture-offers.ts'
import { BUILT_IN_TOOLS } from '../fixtures/fixture-tools.ts'
import { GATED_PROMPT, GATED_RESOURCE, GATED_TOOL } from './gated.ts'

const [eraFile = '', dumpFile = '', pidFile = ''] = process.argv.splice(2)

/** The program reads its lists when it starts, which is below. */
function also<T>(list: readonly T[], item: T): void {
  const open = list as T[]
  open.push(item)
}

also(BUILT_IN_TOOLS, GATED_TOOL)
also(BUILT_IN_PROMPTS, GATED_PROMPT)
also(BUILT_IN_RESOURCES, GATED_RESOURCE)
appendFileSync(pidFile, `${process.pid}\n`)
process.argv.push('--era', readFileSync(eraFile, 'utf8'), '--dump', dumpFile)
process.argv.push('--silent-to', 'completion/complete')
await import('../fixtures/fixture-stdio.ts')
