// Upstreams of which a caller may see nothing are as if they were not there: for what is fetched, waited for and refused.
import { describe, expect, test } from 'vitest'
import { Fault } from '../../../protocol/errors.ts'
import { SILENT } from '../../../node/core/logger.ts'
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import { Sealer } from '../../../node/core/seal.ts'
import { Catalogue } from '../../../node/hop/catalogue.ts'
import type { EndpointPlan, Feed } from '../../../node/hop/endpoint-views.ts'
import { feedsFor } from '../../../node/hop/fresh-lists.ts'
import { Sights } from '../../../node/hop/sight.ts'
import type { Level, Rule } from '../../../protocol/policy/policy.ts'
import { rule } from './tools.ts'

const REFUSED = new Fault('delegation_refused', 'nobody there vouches for the caller')

const CALLER: Principal = { ...LOCAL_CALLER, key: 'caller' }

function fed(label: string, from: Feed['from']): Feed {
  const delegated = {
    refusal: () => REFUSED,
    edition: () => undefined,
    freshFor: () => 0,
  }
  const mirror = { items: [], peer: undefined, era: undefined }
  return { mirrors: { link: { label }, delegated, of: () => mirror }, from } as never
}

const DOCS = fed('files', { kind: 'own', namespace: 'docs' })
const VAULT = fed('vault', { kind: 'own', namespace: 'vault' })
const FAR = fed('globex', { kind: 'imported', import: ['public-*'], as: '{upstream}-{namespace}' })
const ALL = [DOCS, VAULT, FAR]

const ANY: Level<string> = { allow: ['*'], deny: [], within: 'all' }

function tools(...globs: readonly string[]): Rule {
  const allow = globs.map((name) => ({ name }))
  const level = { allow, deny: [], within: allow }
  return { for: ['*'], endpoints: ANY, namespaces: ANY, kinds: { tools: level } }
}

function sightOf(...rules: readonly Rule[]) {
  return new Sights('main', { rules, tags: {}, classes: {} }).of(CALLER)
}

describe('feeds', () => {
  test.each([
    [['docs__*'], [DOCS]],
    [
      ['docs__read', 'globex-public-x__*'],
      [DOCS, FAR],
    ],
    [['globex-private__*'], []],
    [['*__read'], ALL],
  ])('of somebody with tools %o', (globs, expected) => {
    const sight = sightOf(tools(...globs))
    expect(feedsFor(ALL, ['tool'], sight)).toEqual(expected)
    expect(feedsFor(ALL, ['resource'], sight)).toEqual([])
  })

  test('are all there where no rules decide', () => {
    expect(feedsFor(ALL, ['tool'], undefined)).toBe(ALL)
  })
})

function refusal(visibility: readonly Rule[] | undefined): Fault | undefined {
  const catalogue = new Catalogue({
    sealer: new Sealer(Buffer.alloc(32, 1), 'cursor'),
    log: SILENT,
  })
  const policy = visibility && { rules: visibility, tags: {}, classes: {} }
  const plan: EndpointPlan = { rule: rule({}), feeds: [VAULT], pageSize: 10, visibility: policy }
  catalogue.configure(new Map([['main', plan]]))
  return catalogue.refusal({ endpoint: 'main', principal: CALLER }, 'tool')
}

describe('a refusal of an upstream', () => {
  test('is told to who may see something of it, and to nobody else', () => {
    expect(refusal(undefined)).toBe(REFUSED)
    expect(refusal([tools('vault__*')])).toBe(REFUSED)
    expect(refusal([tools('docs__*')])).toBeUndefined()
  })
})
