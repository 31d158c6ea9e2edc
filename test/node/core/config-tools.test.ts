import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../node/core/config-error.ts'
import { parseConfigText } from '../../../node/core/config-file.ts'

function read(endpoint: string): ReturnType<typeof parseConfigText> {
  const text = `node: { name: edge, organisation: acme }
upstreams:
  files: { http: { url: 'https://files.example/mcp' } }
  globex: { node: { url: 'https://gate.globex.example/mcp/p', import: ['public-*'], as: 'g-{namespace}' } }
namespaces: { docs: { from: [files] } }
endpoints: { main: { namespaces: [docs, 'g-*'], auth: 'none', ${endpoint} } }
`
  return parseConfigText(text, 'b.yaml', {})
}

function problems(endpoint: string): readonly string[] {
  try {
    read(endpoint)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
  }
}

describe('what an endpoint lists of its tools', () => {
  test.each([
    ['title: x', 'all'],
    ['tools: list', 'all'],
    ['tools: search', { listed: [] }],
    [
      "tools: { search: true, listed: ['docs__*', 'g-public-*'] }",
      { listed: ['docs__*', 'g-public-*'] },
    ],
  ])('%s', (endpoint, tools) => {
    const { config, warnings } = read(endpoint)
    expect(config.endpoints['main']?.tools).toEqual(tools)
    expect(warnings).toEqual([])
  })

  test.each([
    'tools: all',
    'tools: { search: false, listed: [x__y] }',
    'tools: { listed: [x__y] }',
    'tools: { search: true }',
    'tools: { search: true, listed: [] }',
    "tools: { search: true, listed: ['a b'] }",
    "tools: { search: true, listed: ['docs__*', 'docs__*'] }",
  ])('is refused: %s', (endpoint) => {
    expect(problems(endpoint)).not.toEqual([])
  })

  test('cannot be searched where names have no prefix', () => {
    expect(problems('tools: list')).toEqual([])
    const text = `node: { name: edge, organisation: acme }
upstreams: { files: { http: { url: 'https://files.example/mcp' } } }
namespaces: { docs: { from: [files] } }
endpoints: { main: { namespaces: [docs], names: plain, tools: search, auth: 'none' } }
`
    expect(() => parseConfigText(text, 'b.yaml', {})).toThrow(/needs names: prefixed/)
  })

  test('is remarked on where a glob can match nothing', () => {
    const { warnings } = read("tools: { search: true, listed: ['docs__*', 'dosc__*', 'g-x__*'] }")
    expect(warnings.map(({ path, message }) => `${path.join('.')}: ${message}`)).toEqual([
      'endpoints.main.tools.listed.1: "dosc__*" can match nothing: names are <namespace>__<name>',
      'endpoints.main.tools.listed.2: "g-x__*" can match nothing: names are <namespace>__<name>',
    ])
  })
})
