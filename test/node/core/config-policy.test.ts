import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../node/core/config-error.ts'
import { parseConfigText } from '../../../node/core/config-file.ts'

const HEAD = `node: { name: edge, organisation: acme }
upstreams: { files: { http: { url: 'https://files.example/mcp' } } }
namespaces: { docs: { from: [files] } }
endpoints: { main: { namespaces: [docs], auth: 'none' } }
clients: { analyst: { issuer: 'https://login.acme.example', claims: { groups: analyst } } }
`

function read(text: string): ReturnType<typeof parseConfigText> {
  return parseConfigText(HEAD + text, 'b.yaml', {})
}

function problems(text: string): readonly string[] {
  try {
    read(text)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ line, path, message, hint }) => {
      const more = hint === undefined ? '' : `, ${hint}`
      return `${line} ${path.join('.')}: ${message}${more}`
    })
  }
}

describe('a policy', () => {
  test('is read, each rule with its place', () => {
    const { config, warnings } = read(`visibility:
  - { for: analyst, tools: { allow: ['docs__*'], deny: ['docs__write_*'] } }
  - for: '*'
    tools: [{ name: 'docs__*', readOnly: true }]
`)
    expect(warnings).toEqual([])
    expect(config.visibility).toEqual([
      {
        for: ['analyst'],
        endpoints: { allow: ['*'], deny: [], within: 'all' },
        namespaces: { allow: ['*'], deny: [], within: 'all' },
        kinds: {
          tools: {
            allow: [{ name: 'docs__*' }],
            deny: [{ name: 'docs__write_*' }],
            within: [{ name: 'docs__*' }],
          },
        },
        place: 'b.yaml:7',
      },
      expect.objectContaining({ for: ['*'], place: 'b.yaml:8' }),
    ])
    expect(config.clients['analyst']).toEqual([
      { issuer: 'https://login.acme.example', claims: { groups: ['analyst'] } },
    ])
  })

  test('that names no kind is about all, one that names some about those', () => {
    const { config } = read(`visibility: [{ for: '*' }, { for: '*', prompts: ['docs__a'] }]\n`)
    const kinds = config.visibility === 'open' ? [] : config.visibility.map((rule) => rule.kinds)
    expect(kinds.map((one) => Object.keys(one))).toEqual([
      ['tools', 'prompts', 'resources'],
      ['prompts'],
    ])
  })

  test.each<[string, string, string]>([
    [
      'of a class that is not there',
      `visibility: [{ for: analist }]\n`,
      '6 visibility.0.for: there is no class "analist", did you mean "analyst"?',
    ],
    [
      'of a tag that is not there',
      `visibility: [{ for: analyst, tools: [{ tag: safe }] }]\n`,
      '6 visibility.0.tools: there is no tag "safe"',
    ],
    [
      'with a level that says nothing',
      `visibility: [{ for: analyst, tools: {} }]\n`,
      '6 visibility.0.tools: must not be empty',
    ],
    [
      'with a selector that says nothing',
      `visibility: [{ for: analyst, tools: [{}] }]\n`,
      '6 visibility.0.tools.0: must not be empty',
    ],
    [
      'with an unknown key',
      `visibility: [{ for: analyst, tool: [a] }]\n`,
      '6 visibility.0.tool: unknown key, did you mean "tools"?',
    ],
    [
      'that shows what an example hides',
      `visibility: [{ for: analyst }]\nexpect: [{ for: analyst, endpoint: main, hides: [docs__write] }]\n`,
      '7 expect.0.hides.0: is visible: visibility[0] allows it',
    ],
    [
      'that hides what an example shows',
      `visibility: [{ for: analyst, tools: { allow: ['*'], deny: ['docs__*'] } }]\nexpect: [{ for: analyst, endpoint: main, sees: [docs__read] }]\n`,
      '7 expect.0.sees.0: is hidden: visibility[0] denies the capability',
    ],
    [
      'with an example at no endpoint',
      `visibility: [{ for: analyst }]\nexpect: [{ for: analyst, endpoint: mian, sees: [docs__a] }]\n`,
      '7 expect.0.endpoint: there is no endpoint "mian", did you mean "main"?',
    ],
  ])('%s is refused', (_, text, expected) => {
    expect(problems(text)).toContain(expected)
  })

  test('whose examples hold is taken', () => {
    const expectations = `expect:
  - { for: analyst, endpoint: main, sees: [docs__read, { tool: docs__x, readOnly: true }], hides: [docs__write, { prompt: docs__p }] }
  - { for: '*', endpoint: main, hides: [docs__read] }
`
    const rules = `visibility: [{ for: analyst, tools: [docs__read, { readOnly: true }] }]\n`
    expect(problems(rules + expectations)).toEqual([])
  })

  test('that is doubtful is remarked on, where it stands', () => {
    const { warnings } = read(`visibility:
  - { for: analyst, endpoints: [ops] }
  - { for: analyst, tools: ['docs__a'] }
  - { for: '*', tools: ['docs__*'] }
`)
    expect(warnings.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      '7: "ops" matches no endpoint',
      '8: adds nothing: b.yaml:9 allows all of it',
    ])
  })
})
