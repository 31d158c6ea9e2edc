import { describe, expect, test } from 'vitest'
import { SILENT } from '../../../node/core/logger.ts'
import type { Proving, StatementChecker } from '../../../node/core/provenance.ts'
import { ProofLedger } from '../../../node/hop/proofs.ts'
import { ToolScreen } from '../../../node/hop/tool-screen.ts'
import { readPage, type Listed } from '../../../protocol/listing.ts'
import { META } from '../../../protocol/meta.ts'
import type { DescriptorStatement } from '../../../protocol/provenance/statements.ts'
import type { Verdict } from '../../../protocol/provenance/verdict.ts'
import { readUpstreamMessage } from '../../../protocol/upstream-message.ts'

const ORIGIN = { organisation: 'acme', node: 'c', source: 'files', namespaces: ['docs', 'all'] }

function tool(text: string): Listed {
  const page = `{"jsonrpc":"2.0","id":1,"result":{"tools":[${text}]}}`
  const [one] = readPage(readUpstreamMessage(Buffer.from(page)), 'tool', 10_000).items
  if (one === undefined) throw new Error('no tool')
  return one
}

const READ = tool('{"name":"read","inputSchema":{"type":"object"}}')

function screenWith(descriptors: Proving, namespaces = ORIGIN.namespaces): ToolScreen {
  const ledger = new ProofLedger('files', SILENT)
  return new ToolScreen({ descriptors, pins: undefined, origin: { ...ORIGIN, namespaces }, ledger })
}

/** A signer whose signatures are numbered. */
class FakeSigner {
  keyId = 'k1'
  readonly statements: DescriptorStatement[] = []

  descriptor(statement: DescriptorStatement): string {
    this.statements.push(statement)
    return `${this.keyId}-${this.statements.length}`
  }

  result(): string {
    throw new Error('it is not asked for results')
  }
}

async function signatureOf(screen: ToolScreen, listed: Listed): Promise<unknown> {
  const { items } = await screen.screen([listed])
  const { _meta: meta } = JSON.parse(items[0]?.text.toString() ?? '{}') as {
    _meta?: Record<string, unknown>
  }
  return meta?.[META.provenance]
}

describe('the origin', () => {
  test('signs what a tool is, and where', async () => {
    const signer = new FakeSigner()
    await screenWith({ mode: 'attach', signer }).screen([READ])
    expect(signer.statements).toMatchObject([
      {
        tool: { organisation: 'acme', node: 'c', name: 'read' },
        namespaces: ['docs', 'all'],
        source: 'files',
      },
    ])
  })

  test('signs again when the tool or the key is another, and only then', async () => {
    const signer = new FakeSigner()
    const screen = screenWith({ mode: 'attach', signer })
    expect(await signatureOf(screen, READ)).toBe('k1-1')
    expect(await signatureOf(screen, READ)).toBe('k1-1')
    const other = tool('{"name":"read","inputSchema":{"type":"object"},"description":"x"}')
    expect(await signatureOf(screen, other)).toBe('k1-2')
    signer.keyId = 'k2'
    expect(screen.keyId).toBe('k2')
    expect(await signatureOf(screen, other)).toBe('k2-3')
  })

  test('signs nothing that two readers could take for two things, nor what it shows nowhere', async () => {
    const signer = new FakeSigner()
    const odd = tool('{"name":"read","inputSchema":{"a":1,"a":2}}')
    expect(await signatureOf(screenWith({ mode: 'attach', signer }), odd)).toBeUndefined()
    expect(await signatureOf(screenWith({ mode: 'attach', signer }, []), READ)).toBeUndefined()
  })

  test('takes away what a server says in its place', async () => {
    const signer = new FakeSigner()
    const odd = tool(
      `{"name":"read","inputSchema":{"a":1,"a":2},"_meta":{"${META.provenance}":"x"}}`,
    )
    expect(await signatureOf(screenWith({ mode: 'attach', signer }), odd)).toBeUndefined()
  })
})

function from(verdict: Verdict): StatementChecker {
  return { result: () => verdict, descriptor: () => Promise.resolve(verdict) }
}

describe('behind a node', () => {
  const origin = `"${META.federation}":{"origin":["globex","c","fx","read"],"source":"s","namespace":"fx","path":["c"]}`
  const signed = tool(
    `{"name":"read","inputSchema":{},"_meta":{${origin},"${META.provenance}":"x"}}`,
  )

  test('what waits for keys is looked at again soon, and is not there until then', async () => {
    const checker = from({ verdict: 'unavailable' })
    expect(await screenWith({ mode: 'require', checker }).screen([signed])).toMatchObject({
      items: [],
      dropped: [{ name: 'read' }],
      incomplete: true,
    })
    const flagged = await screenWith({ mode: 'verify', checker }).screen([signed])
    expect(flagged).toMatchObject({ incomplete: false, dropped: [] })
  })

  test('what says not where it lives is signed by nobody', async () => {
    const checker = from({ verdict: 'verified' })
    const { dropped } = await screenWith({ mode: 'require', checker }).screen([READ])
    expect(dropped).toMatchObject([{ name: 'read' }])
  })
})
