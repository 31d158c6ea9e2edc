// An upstream of era 2025 over HTTP comes to grief in the middle of everything.
import { chaosTable } from './table.ts'

chaosTable({ transport: 'http', era: '2025' })
