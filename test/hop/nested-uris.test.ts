// URIs through nodes before nodes, each of which exposes them or leaves them as they are: laws for any URIs and any chain.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { homeKey, type Home } from '../../node/hop/homes.ts'
import type { Source, ViewRule } from '../../node/hop/sources.ts'
import { findUnlisted } from '../../node/hop/unlisted.ts'
import { uriForCaller } from '../../node/hop/uri-map.ts'
import { buildView, writeViewItem, type View } from '../../node/hop/view.ts'
import { LIST_RULES } from '../../protocol/capability.ts'
import { readPage, type Listed } from '../../protocol/listing.ts'
import { readUpstreamMessage } from '../../protocol/upstream-message.ts'
import { authorityOf } from '../../protocol/uris.ts'
import { peerOf } from '../node/hop/tools.ts'

type Style = 'prefixed' | 'plain'
type Kind = 'resource' | 'template'

const uri = fc.oneof(
  fc.webUrl(),
  fc.stringMatching(/^[a-z]{1,6}:[a-zA-Z0-9/._~?#%@:-]{0,30}$/),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
)
const template = fc.stringMatching(/^[a-z]{1,6}:\/\/[a-z]{0,5}(\/[a-z]{1,4}|\{[a-z]{1,3}\}){0,3}$/)
const styles = fc.array(fc.constantFrom<Style>('prefixed', 'plain'), {
  minLength: 1,
  maxLength: 6,
})

function read(kind: Kind, items: readonly string[]): readonly Listed[] {
  const text = `{"jsonrpc":"2.0","id":1,"result":{"${LIST_RULES[kind].items}":[${items.join()}]}}`
  return readPage(readUpstreamMessage(Buffer.from(text)), kind, 1_000_000).items
}

/** One node of a chain. */
interface Stage {
  readonly rule: ViewRule
  readonly source: Source
  readonly view: View
}

function sourceOf(kind: Kind, listed: readonly string[], behind: Stage | undefined): Source {
  if (behind === undefined) {
    const { key } = LIST_RULES[kind]
    const items = read(
      kind,
      [...new Set(listed)].map((name) => JSON.stringify({ [key]: name })),
    )
    const from = { kind: 'own', namespace: 'home' } as const
    return { upstream: 'server', peer: undefined, era: '2026', items, from }
  }
  const { view, rule } = behind
  const written = view.items.map((item) =>
    writeViewItem(item, { era: '2026', revision: '2026-07-28', federated: true }).toString('utf8'),
  )
  const uris = rule.names.style === 'plain' ? 'plain' : 'exposed'
  const from = { kind: 'imported', import: ['*'], as: '{namespace}' } as const
  const peer = peerOf(rule.self.node, uris)
  return { upstream: 'next', peer, era: '2026', items: read(kind, written), from }
}

/** The nodes of a chain, the innermost first. */
function chain(kind: Kind, listed: readonly string[], plan: readonly Style[]): readonly Stage[] {
  const stages: Stage[] = []
  for (const [depth, style] of plan.entries()) {
    const rule: ViewRule = {
      self: { node: `node-${depth}`, organisation: 'acme' },
      namespaces: ['*'],
      names: { style, maxLength: 48 },
      uriBytes: 65_536,
      hopBudget: 8,
    }
    const source = sourceOf(kind, listed, stages.at(-1))
    stages.push({ rule, source, view: buildView(kind, rule, [source]) })
  }
  return stages
}

function shownBy({ view }: Stage): string[] {
  return [...view.byName.keys()].toSorted()
}

/** Where a URI leads that a stage may not list. */
function unlisted({ rule, source, view }: Stage, name: string): string | undefined {
  const { upstream, from } = source
  const own = new Map<string, Home>()
  if (from.kind === 'own') {
    const home = { ...rule.self, namespace: from.namespace, source: upstream }
    const way = { upstream, namespace: from.namespace, distance: 1, peer: undefined }
    own.set(homeKey(authorityOf(home), upstream), { home, ways: [way] })
  }
  const templates = buildView('template', rule, [])
  const around = { names: rule.names.style, own, views: [view], templates }
  return findUnlisted({ ...around, hasResources: () => true }, name)?.candidates[0].name
}

describe.each<[Kind, fc.Arbitrary<string>]>([
  ['resource', uri],
  ['template', template],
])('law: in a chain of any depth, each %s', (kind, any) => {
  const all = fc.uniqueArray(any, { minLength: 1, maxLength: 6 })

  test('is there once at each node, or is reported', () => {
    fc.assert(
      fc.property(all, styles, (listed, plan) => {
        for (const { view } of chain(kind, listed, plan)) {
          expect(new Set(view.byName.keys()).size).toBe(view.items.length)
          expect(view.items.length + view.problems.length).toBe(listed.length)
          expect(view.problems).toEqual([])
        }
      }),
    )
  })

  test('leads, hop by hop, to what the server has', () => {
    fc.assert(
      fc.property(all, styles, (listed, plan) => {
        const stages = chain(kind, listed, plan)
        for (const { entry } of stages.at(-1)?.view.items ?? []) {
          let { name } = entry
          for (const { view } of stages.toReversed()) {
            name = view.byName.get(name)?.entry.candidates[0].name ?? 'nowhere'
          }
          expect(name).toBe(entry.id.name)
          expect(listed).toContain(name)
        }
      }),
    )
  })

  test('has one URI at all nodes that expose, and that of the server where all leave it', () => {
    fc.assert(
      fc.property(all, styles, (listed, plan) => {
        const stages = chain(kind, listed, plan)
        const exposing = stages.filter(({ rule }) => rule.names.style === 'prefixed')
        const [first = []] = exposing.map(shownBy)
        expect(exposing.map(shownBy)).toEqual(exposing.map(() => first))
        const behind = stages.findIndex((stage) => stage === exposing[0])
        const leaving = behind === -1 ? stages : stages.slice(0, behind)
        expect(leaving.map(shownBy)).toEqual(leaving.map(() => listed.toSorted()))
      }),
    )
  })
})

test('row 28: law: a URI in a result, on no list, leads back to where it came from', () => {
  fc.assert(
    fc.property(uri, styles, (link, plan) => {
      const stages = chain('resource', ['x:listed'], plan)
      const [entry] = stages.at(-1)?.view.items ?? []
      if (entry === undefined) throw new Error('nothing is listed')
      let shown = link
      for (const { rule, source, view } of stages) {
        const [item] = view.items
        if (item === undefined) throw new Error('nothing is listed')
        const home = { ...item.entry.id, source: item.entry.source }
        shown = uriForCaller({ names: rule.names.style, peer: source.peer }, home, shown)
      }
      let asked = shown
      for (const stage of stages.toReversed()) asked = unlisted(stage, asked) ?? 'nowhere'
      expect(asked).toBe(link)
    }),
  )
})
