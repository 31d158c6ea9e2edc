// What a chaotic upstream has besides its usual tools: one of each kind that begins, and goes on when the gate is open.
import type { FixturePrompt, FixtureResource } from '../fixtures/fixture-offers.ts'
import { text, type FixtureTool } from '../fixtures/fixture-tools.ts'

/** Name of the prompt, and of the resource. */
export const GATED = 'gated'
export const GATED_URI = 'test://gated/1'

/** Says that it has begun, waits for the gate, says more, answers. */
export const GATED_TOOL: FixtureTool = {
  definition: { name: GATED, inputSchema: { type: 'object' } },
  run: async ({ progress, gate }) => {
    progress(1, 2)
    await gate.opened
    progress(2, 2)
    return text('through')
  },
}

export const GATED_PROMPT: FixturePrompt = {
  definition: { name: GATED, arguments: [{ name: 'word' }] },
  get: async ({ gate }) => {
    await gate.opened
    return { messages: [{ role: 'user', content: { type: 'text', text: 'through' } }] }
  },
  complete: () => ['through'],
}

export const GATED_RESOURCE: FixtureResource = {
  definition: { uri: GATED_URI, name: GATED, mimeType: 'text/plain' },
  read: async ({ call }) => {
    await call.gate.opened
    return { mimeType: 'text/plain', text: 'through' }
  },
}
