// Starts what mcp.json says as a desktop client would. Exits with 0 when that works, and otherwise with 1 and the reason.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { callerOver } from '../shared/client.ts'

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))

interface ClientFile {
  readonly mcpServers: {
    readonly banyan: { readonly command: string; readonly args: readonly string[] }
  }
}

const text = await readFile(new URL('mcp.json', import.meta.url), 'utf8')
const { mcpServers } = JSON.parse(text) as ClientFile
const { command, args } = mcpServers.banyan
const own = args.map((arg) => arg.replace('/path/to/banyan/', CHECKOUT))
// Desktop clients start their servers anywhere.
const caller = await callerOver(new StdioClientTransport({ command, args: own, cwd: '/' }))
try {
  assert.deepEqual(await caller.tools(), ['calendar__today', 'notes__search'])
  assert.equal(await caller.call('notes__search', 'fig'), 'notes/search: fig')
  await assert.rejects(caller.call('notes__write', 'fig'), /unknown tool/)
} finally {
  await caller.close()
}
process.stdout.write('a desktop client has one server, which is many\n')
