// The smallest stdio server of era 2025: it lists the tools it is given on its command line, and calls none.
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { JsonObject, Message } from '../fixtures/wire.ts'

const PROGRAM = fileURLToPath(import.meta.url)

/** The command that starts it, as an upstream's configuration takes it. */
export function listingCommand(tools: readonly JsonObject[]): { command: string; args: string[] } {
  return { command: process.execPath, args: [PROGRAM, JSON.stringify(tools)] }
}

function resultOf(method: string): JsonObject | undefined {
  if (method === 'tools/list') return { tools: JSON.parse(process.argv[2] ?? '[]') }
  if (method !== 'initialize') return undefined
  return {
    protocolVersion: '2025-11-25',
    capabilities: { tools: {} },
    serverInfo: { name: 'listing', version: '1.0.0' },
  }
}

function answer(line: string): void {
  const { id, method } = JSON.parse(line) as Message
  if (id === undefined) return
  const result = resultOf(method)
  const outcome =
    result === undefined ? { error: { code: -32_601, message: 'Method not found' } } : { result }
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...outcome })}\n`)
}

if (process.argv[1] === PROGRAM) createInterface({ input: process.stdin }).on('line', answer)
