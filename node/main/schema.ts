// Writes what is generated from schemas and committed: run it after a change to one.
import { writeFileSync } from 'node:fs'
import { ROUTES } from '../control/admin-routes.ts'
import { publishDescription } from '../control/openapi.ts'
import { publishMetrics } from '../core/metrics/publish.ts'
import { publishLimits, publishSchema } from '../core/config-publish.ts'
import { publishLabSchema } from './lab-file.ts'

const ROOT = new URL('../../', import.meta.url)

writeFileSync(new URL('banyan.schema.json', ROOT), publishSchema())
writeFileSync(new URL('mesh.schema.json', ROOT), publishLabSchema())
writeFileSync(new URL('LIMITS.md', ROOT), publishLimits())
writeFileSync(new URL('docs/metrics.md', ROOT), publishMetrics())
writeFileSync(new URL('docs/admin.openapi.json', ROOT), publishDescription(ROUTES))
