// Writes the matrix as a page: node test/matrix/publish.ts
import { mkdirSync, writeFileSync } from 'node:fs'
import { MATRIX_PAGE, matrixDocument } from './document.ts'

mkdirSync(new URL('.', MATRIX_PAGE), { recursive: true })
writeFileSync(MATRIX_PAGE, matrixDocument())
