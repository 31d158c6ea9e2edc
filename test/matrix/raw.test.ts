import { matrixOf } from './cells.ts'
import { MAIN } from './sheets.ts'

for (const kind of MAIN.servers.filter(({ make }) => make.startsWith('raw'))) matrixOf(kind, MAIN)
