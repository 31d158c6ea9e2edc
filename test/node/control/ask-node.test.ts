// One question to another node: what it may answer with, and what comes of anything else.
import { describe, expect, test } from 'vitest'
import { askNode, type NodeAsker } from '../../../node/control/ask-node.ts'
import type { Connection, FrameSink, OutFrame } from '../../../node/outbound/connection.ts'
import type { Link } from '../../../node/outbound/link.ts'
import { Fault } from '../../../protocol/errors.ts'
import { FEDERATION_VERSION } from '../../../protocol/federation.ts'
import { readUpstreamMessage } from '../../../protocol/upstream-message.ts'

const DECISION = { endpoint: 'm', visible: false, level: 'endpoint', because: 'no', hop: 'b/b' }
const ITEM = { kind: 'tool', name: 'x', namespace: 'n', capability: 'x', decisions: [DECISION] }
const GOOD = { resultType: 'complete', items: [ITEM], notes: ['so'] }

interface LinkFacts {
  readonly era?: '2025' | '2026'
  readonly isNode?: boolean
}

/** A link to a node that answers so. */
function linkTo(
  answer: (frame: OutFrame, sink: FrameSink) => void,
  { era = '2026', isNode = true }: LinkFacts = {},
): { readonly link: Link } {
  const node = { version: FEDERATION_VERSION, organisation: 'b', name: 'b', node: 'b' }
  const federation = isNode ? node : undefined
  const connection: Pick<Connection, 'era' | 'server' | 'meta' | 'send'> = {
    era,
    server: { capabilities: {}, name: 'b', federation },
    meta: () => '"a":1',
    send: (frame, sink) => {
      answer(frame, sink)
      return { cancel: () => undefined, resume: () => undefined }
    },
  }
  return { link: { label: 'b', current: () => connection } as unknown as Link }
}

function saying(result: unknown): (frame: OutFrame, sink: FrameSink) => void {
  return ({ id }, sink) => {
    const text = JSON.stringify({ jsonrpc: '2.0', id, result })
    sink.response(readUpstreamMessage(Buffer.from(text)))
  }
}

function refusing(code: number): ReturnType<typeof saying> {
  return ({ id }, sink) => {
    const text = JSON.stringify({ jsonrpc: '2.0', id, error: { code, message: 'x' } })
    sink.response(readUpstreamMessage(Buffer.from(text)))
  }
}

function never(): never {
  throw new Error('it was asked')
}

const ASKER: NodeAsker = { self: 'a', trail: { budget: 8, path: [] }, patience: 1_000 }

test('an answer is taken as it is meant', async () => {
  let sent = ''
  const upstream = linkTo((frame, sink) => {
    sent = frame.body.toString()
    saying(GOOD)(frame, sink)
  })
  const { resultType: _, ...told } = GOOD
  expect(await askNode(upstream, { name: 'x' }, ASKER)).toEqual(told)
  expect(JSON.parse(sent)).toMatchObject({
    method: 'io.github.banyan-mcp/explain',
    params: {
      name: 'x',
      _meta: { a: 1, 'io.github.banyan-mcp/federation': { budget: 7, path: ['a'] } },
    },
  })
})

describe('no answer', () => {
  test.each<[string, unknown]>([
    ['nothing', {}],
    ['a thing without a decision', { items: [{ ...ITEM, decisions: [] }], notes: [] }],
    ['another kind', { items: [{ ...ITEM, kind: 'secret' }], notes: [] }],
    [
      'a level nobody knows',
      { items: [{ ...ITEM, decisions: [{ ...DECISION, level: 'x' }] }], notes: [] },
    ],
    ['too many', { items: Array.from({ length: 101 }, () => ITEM), notes: [] }],
    ['too long a note', { items: [], notes: ['x'.repeat(2_000)] }],
  ])('is %s', async (_, result) => {
    const said = await askNode(linkTo(saying(result)), { name: 'x' }, ASKER)
    expect(said).toBe('upstream "b" answers what this node does not understand')
  })

  test('is a refusal, in words', async () => {
    const ask = (code: number): unknown => askNode(linkTo(refusing(code)), { name: 'x' }, ASKER)
    expect(await ask(-32_601)).toContain('does not say what it decides')
    expect(await ask(-32_602)).toBe('upstream "b" refuses to answer (-32602)')
    const failing = linkTo((_, sink) =>
      sink.failed(new Fault('upstream_unavailable', 'at http://10.0.0.1'), true),
    )
    const said = await askNode(failing, { name: 'x' }, ASKER)
    expect(said).toBe('upstream "b" gives no answer (upstream_unavailable)')
  })

  test('is asked for where it would go in circles, too far, or to nobody who knows the question', async () => {
    const ask = (trail: NodeAsker['trail'], facts: LinkFacts = {}): unknown =>
      askNode(linkTo(never, facts), { name: 'x' }, { ...ASKER, trail })
    expect(await ask({ budget: 8, path: ['b'] })).toContain('the question came from there')
    expect(await ask({ budget: 1, path: [] })).toContain('the hop budget is used up')
    for (const facts of [{ era: '2025' }, { isNode: false }] as const) {
      expect(await ask(ASKER.trail, facts)).toContain('is no node that can be asked')
    }
    const down = { link: { label: 'b', current: () => undefined } as unknown as Link }
    expect(await askNode(down, { name: 'x' }, ASKER)).toContain('is down')
  })
})
