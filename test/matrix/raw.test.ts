import { matrixOf } from './cells.ts'
import { SERVERS } from './servers.ts'

for (const kind of SERVERS.filter(({ make }) => make.startsWith('raw'))) matrixOf(kind)
