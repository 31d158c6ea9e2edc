// `npm run example NAME`: runs the check of an example.
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const names = (await readdir(fileURLToPath(new URL('..', import.meta.url)))).filter((name) =>
  /^\d/.test(name),
)
const [, , name = ''] = process.argv
if (names.includes(name)) {
  await import(new URL(`../${name}/check.ts`, import.meta.url).href)
} else {
  process.stderr.write(`npm run example NAME, where NAME is one of ${names.join(', ')}\n`)
  process.exitCode = 2
}
