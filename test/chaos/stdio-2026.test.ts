// An upstream of era 2026 over a pipe comes to grief in the middle of everything.
import { chaosTable } from './table.ts'

chaosTable({ transport: 'stdio', era: '2026' })
