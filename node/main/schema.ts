// Writes what is generated from the configuration schema and committed: run it after a change to the schema.
import { writeFileSync } from 'node:fs'
import { publishLimits, publishSchema } from '../core/config-publish.ts'

const ROOT = new URL('../../', import.meta.url)

writeFileSync(new URL('banyan.schema.json', ROOT), publishSchema())
writeFileSync(new URL('LIMITS.md', ROOT), publishLimits())
