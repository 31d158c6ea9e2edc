// What a node says of an endpoint, in the words of each revision.
import { describe, expect, test } from 'vitest'
import type { EndpointDescription } from '../../../node/core/stages.ts'
import { discoverResult, initializeResult } from '../../../node/inbound/answers.ts'
import { readSettings } from '../../../protocol/federation.ts'
import { LEGACY_REVISIONS } from '../../../protocol/revisions.ts'
import { META, objectAt } from '../../fixtures/wire.ts'

const identity = {
  serverInfo: { name: 'edge', title: 'acme/edge', version: '1' },
  federation: { version: 1, node: 'self', organisation: 'acme', name: 'edge' },
}

const TASKS = 'io.modelcontextprotocol/tasks'
const UI = 'io.modelcontextprotocol/ui'
const CORE_TASKS = { requests: { tools: { call: {} } }, cancel: {} }

const bare: EndpointDescription = {
  name: 'main',
  title: undefined,
  instructions: undefined,
  names: 'prefixed',
  isPublic: true,
  extensions: {},
  tasks: undefined,
}

const ALWAYS = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
}

test('server/discover declares what is relayed, and extensions that something behind serves', () => {
  const endpoint = {
    ...bare,
    title: 'Main',
    instructions: 'Ask.',
    extensions: { [UI]: { mimeTypes: ['text/html'] }, [TASKS]: {} },
    tasks: CORE_TASKS,
  }
  expect(discoverResult(bare, identity)).toEqual({
    resultType: 'complete',
    supportedVersions: ['2026-07-28', ...LEGACY_REVISIONS],
    capabilities: {
      ...ALWAYS,
      extensions: {
        'io.github.banyan-mcp/federation': { ...identity.federation, uris: 'exposed' },
      },
    },
    ttlMs: expect.any(Number) as number,
    cacheScope: 'public',
    _meta: { [META.serverInfo]: identity.serverInfo },
  })
  const full = discoverResult(endpoint, identity)
  expect(full).toMatchObject({
    instructions: 'Ask.',
    _meta: { [META.serverInfo]: { title: 'Main' } },
    capabilities: { extensions: { [UI]: { mimeTypes: ['text/html'] }, [TASKS]: {} } },
  })
  expect(full['capabilities']).not.toHaveProperty('tasks')
})

describe.each(LEGACY_REVISIONS)('initialize of %s', (revision) => {
  test('declares what is relayed', () => {
    expect(initializeResult(bare, identity, revision)).toEqual({
      protocolVersion: revision,
      capabilities: {
        ...ALWAYS,
        experimental: {
          'io.github.banyan-mcp/federation': { ...identity.federation, uris: 'exposed' },
        },
      },
      serverInfo: identity.serverInfo,
    })
  })

  test('row 59: has the tasks of its core or none, never those of the extension', () => {
    const endpoint = { ...bare, extensions: { [UI]: {}, [TASKS]: {} }, tasks: CORE_TASKS }
    const capabilities = objectAt(initializeResult(endpoint, identity, revision), 'capabilities')
    expect(capabilities['tasks']).toEqual(revision === '2025-11-25' ? CORE_TASKS : undefined)
    expect(capabilities['extensions']).toEqual({ [UI]: {} })
    const alone = { ...bare, extensions: { [TASKS]: {} } }
    expect(initializeResult(alone, identity, revision)['capabilities']).not.toHaveProperty(
      'extensions',
    )
  })
})

test('another node reads how the endpoint shows URIs, in both eras', () => {
  for (const names of ['plain', 'prefixed'] as const) {
    const endpoint = { ...bare, names }
    const uris = names === 'plain' ? 'plain' : 'exposed'
    const results = [
      discoverResult(endpoint, identity),
      initializeResult(endpoint, identity, '2025-11-25'),
    ]
    for (const { capabilities } of results) {
      expect(readSettings(capabilities)).toEqual({ ...identity.federation, uris })
    }
  }
})
