import { beforeAll, vi } from 'vitest'
import { matrixOf } from './cells.ts'
import { EXTRAS } from './sheets.ts'

beforeAll(() => {
  // The reference server, which runs in this process over HTTP, says there what it thinks of a task that was cancelled.
  vi.spyOn(console, 'error').mockReturnValue()
})

for (const kind of EXTRAS.servers) matrixOf(kind, EXTRAS)
