// `npm start`: brings the tree up, sends one call through all of it, and stays until Ctrl-C.
import { once } from 'node:events'
import { FARTHEST, travel } from './call.ts'
import { clientLines, journeyPicture, treePicture } from './picture.ts'
import { startTree } from './tree.ts'

const interrupt = new AbortController()
// Once: whoever asks a second time wants the process gone.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => interrupt.abort())
}

const say = (text: string): void => void process.stdout.write(text)

say('Three nodes of two organisations, in this process, over real MCP servers.\n')
const tree = await startTree((text) => say(`${text}\n`))
try {
  say(`\n${treePicture(tree)}\n`)
  const journey = await travel(tree, FARTHEST, { message: 'hello through three nodes' })
  say(`One call of ${FARTHEST}, by the MCP SDK's client:\n${journeyPicture(journey)}\n`)
  say(`For the configuration of your MCP client:\n${clientLines(tree)}\n`)
  say('Up until Ctrl-C.\n')
  if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort')
  say('\nstopping ...\n')
} finally {
  await tree.close()
}
