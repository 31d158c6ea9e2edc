import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, formatProblem } from '../../../node/core/config-error.ts'
import { loadConfigFile, parseConfigText } from '../../../node/core/config-file.ts'

const HEAD = 'node: { name: edge, organisation: acme }\n'
const CANARY = 'canary-7Qx'

function errorOf(text: string): ConfigError {
  try {
    parseConfigText(text, 'b.yaml', {})
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the file was accepted')
}

describe('a good file', () => {
  test('is read like the object it describes, paths from its folder', () => {
    const text = `${HEAD}upstreams:
  files: { stdio: { command: npx, args: [-y, x], cwd: data, env: { T: "\${T}" } } }
namespaces: { docs: { from: [files] } }
endpoints: { main: { namespaces: [docs] } }
`
    const { config, warnings } = parseConfigText(text, '/srv/banyan.yaml', { T: 'v' })
    expect(warnings).toEqual([])
    expect(config.node.state).toBe('/srv/.banyan/edge')
    expect(config.upstreams['files']).toMatchObject({
      kind: 'stdio',
      stdio: { command: 'npx', args: ['-y', 'x'], cwd: '/srv/data' },
    })
  })

  test('may be JSON, may start with a byte order mark, may use an anchor', () => {
    const json = '{ "node": { "name": "edge", "organisation": "acme" } }'
    expect(parseConfigText(json, 'b.json', {}).config.node.name).toBe('edge')
    expect(parseConfigText(`\uFEFF${HEAD}`, 'b.yaml', {}).config.node.name).toBe('edge')
    const anchored = `${HEAD}upstreams: { a: &a { stdio: { command: x } }, b: *a }\n`
    const { upstreams } = parseConfigText(anchored, 'b.yaml', {}).config
    expect(upstreams['b']).toEqual(upstreams['a'])
  })

  test('has warnings with their places, in order', () => {
    const text = `${HEAD}upstreams:
  idle: { stdio: { command: x } }
  far:
    http:
      url: http://far.example/
`
    const { warnings } = parseConfigText(text, 'b.yaml', {})
    expect(warnings.map((warning) => formatProblem(warning, 'b.yaml'))).toEqual([
      'b.yaml:1:1 endpoints: there is none, so the node serves nothing',
      'b.yaml:3:3 upstreams.idle: is used by no namespace',
      'b.yaml:4:3 upstreams.far: is used by no namespace',
      'b.yaml:6:12 upstreams.far.http.url: plain http to another machine, anyone between can read and change it',
    ])
  })
})

describe('a bad file', () => {
  test.each<[string, string, string[]]>([
    [
      'an unknown key: where the key is',
      `${HEAD}upstreams:\n  files:\n    stdio:\n      command: x\n      comand: y\n`,
      ['b.yaml:6:7 upstreams.files.stdio.comand: unknown key, did you mean "command"?'],
    ],
    [
      'a wrong value: where the value is',
      `${HEAD}limits:\n  keepAlive:   15\n`,
      ['b.yaml:3:16 limits.keepAlive: a duration needs a unit, write "15s" or "15ms"'],
    ],
    [
      'a missing key: where its table is',
      `node:\n  name: edge\n`,
      ['b.yaml:1:1 node.organisation: is missing'],
    ],
    [
      'a wrong item: where the item is',
      `${HEAD}upstreams:\n  u: { stdio: { command: x } }\nnamespaces:\n  d:\n    from:\n      - u\n      - v\n`,
      ['b.yaml:8:9 namespaces.d.from[1]: there is no upstream "v", did you mean "u"?'],
    ],
    [
      'a wrong name: where the name is',
      `${HEAD}endpoints:\n  Main: { namespaces: ["*"] }\nupstreams:\n  n: { node: { url: "http://localhost/" } }\n`,
      ['b.yaml:3:3 endpoints.Main: must be 1 to 32 of a-z 0-9 -, and start with a letter or digit'],
    ],
    [
      'a mistake behind an alias: where the anchor is',
      `${HEAD}upstreams:\n  a: &a\n    stdio: { command: 5 }\n  b: *a\n`,
      [
        'b.yaml:4:23 upstreams.a.stdio.command: must be text, not a number, put it in quotes',
        'b.yaml:4:23 upstreams.b.stdio.command: must be text, not a number, put it in quotes',
      ],
    ],
    [
      'several mistakes: in the order of the file',
      `limits: { hopBudget: 0 }\nvisibility: shut\nnode: { name: edge, organisation: Acme }\n`,
      [
        'b.yaml:1:22 limits.hopBudget: must be at least 1',
        'b.yaml:2:13 visibility: must be "open" or a list',
        'b.yaml:3:35 node.organisation: must be 1 to 32 of a-z 0-9 -, and start with a letter or digit',
      ],
    ],
    [
      'a variable that is not set',
      `node:\n  name: edge\n  organisation: acme\n  sessionKey: \${NOPE}\n`,
      ['b.yaml:4:15 node.sessionKey: the environment variable NOPE is not set'],
    ],
    [
      'mistakes in identity: in the list, in the table, between them',
      `${HEAD}issuer: {}
upstreams: { u: { stdio: { command: x } } }
namespaces: { d: { from: [u] } }
endpoints:
  main: { namespaces: [d], auth: open }
trust:
  - issuer: https://gw.a.example
    keys: { jwksUri: https://gw.a.example/jwks }
    clients: [https://gw.a.example/c.json, { id: x }]
    resources: [http://127.0.0.1:7400/mcp/mian]
    scopes: { map: { "ns:a": ["ns:d"] }, max: ["ns:d"] }
    maxTtl: 120
    notAfter: 2027-02-30
`,
      [
        'b.yaml:6:34 endpoints.main.auth: must be "none" or a table',
        'b.yaml:10:44 trust[0].clients[1].keys: is missing',
        'b.yaml:13:13 trust[0].maxTtl: a duration needs a unit, write "120s" or "120ms"',
        'b.yaml:14:15 trust[0].notAfter: must be a date, or a time of RFC 3339, write "2027-06-01", or "2027-06-01T12:00:00Z"',
      ],
    ],
    [
      'an endpoint that is not there: where it is named',
      `${HEAD}issuer: {}
upstreams: { u: { stdio: { command: x } } }
namespaces: { d: { from: [u] } }
endpoints: { main: { namespaces: [d] } }
trust:
  - issuer: https://gw.a.example
    keys: { jwksUri: https://gw.a.example/jwks }
    clients: [https://gw.a.example/c.json]
    resources: [http://127.0.0.1:7400/mcp/mian]
    scopes: { map: { "ns:a": ["ns:d"] }, max: ["ns:d"] }
`,
      ['b.yaml:10:17 trust[0].resources[0]: this node has no such endpoint, did you mean "main"?'],
    ],
    ['nothing at all', '', ['b.yaml:1:1 must be a table, not empty']],
    ['a comment only', '# soon\n', ['b.yaml:1:1 must be a table, not empty']],
  ])('%s', (_, text, problems) => {
    expect(errorOf(text).message.split('\n')).toEqual(problems)
  })

  test.each<[string, string, string]>([
    ['a key twice', `${HEAD}limits: {}\nlimits: {}\n`, 'b.yaml:3:1 the key is in the table twice'],
    ['a tab as indentation', 'node:\n\tname: x\n', 'b.yaml:2:1 a tab cannot indent: use spaces'],
    [
      'an open quote',
      'node: "x\n',
      'b.yaml:2:1 a character is missing: a colon, comma, quote or bracket',
    ],
    ['a tag', `${HEAD}visibility: !x open\n`, 'b.yaml:2:13 tags are not supported here'],
    [
      'a known tag',
      `${HEAD}visibility: !!binary b3Blbg==\n`,
      'b.yaml:2:13 tags are not supported here',
    ],
    ['two documents', `${HEAD}---\n${HEAD}`, 'b.yaml:2:1 more than one document in the file'],
    ['a key that is no text', `${HEAD}? [a]\n: b\n`, 'b.yaml:2:3 a key must be plain text'],
    [
      'an unknown anchor',
      `${HEAD}visibility: *x\n`,
      'b.yaml:2:13 an alias without a name, or of an unknown anchor',
    ],
    ['YAML 1.1', `%YAML 1.1\n---\n${HEAD}`, 'b.yaml:1:1 only YAML 1.2 is supported'],
  ])('is not YAML as it is read here: %s', (_, text, problem) => {
    expect(errorOf(text).message.split('\n')).toContain(problem)
  })

  test('anchors cannot blow up memory', () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`,
    )
    const text = `a0: &a0 [x]\n${levels.join('\n')}\n`
    expect(errorOf(text).message).toContain('anchors are used more than 100 times')
  })

  test('an anchor within itself is refused', () => {
    expect(errorOf(`${HEAD}upstreams: &u { a: *u }\n`).problems.length).toBeGreaterThan(0)
  })

  test.each([
    ['broken YAML', `node: { name: "${CANARY}\n`],
    ['a stray token', `node: {} ${CANARY}\n`],
    ['a bad escape', `node: { name: "\\q${CANARY}" }\n`],
    ['an unknown alias', `node: *${CANARY}\n`],
    ['a wrong value', `${HEAD}visibility: ${CANARY}\n`],
  ])('is not quoted in its error: %s', (_, text) => {
    const error = errorOf(text)
    expect(`${error.message}${error.stack}${JSON.stringify(error.problems)}`).not.toContain(CANARY)
  })
})

describe('a file on disk', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'banyan-config-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('is loaded', async () => {
    const file = join(folder, 'banyan.yaml')
    await writeFile(file, HEAD)
    const loaded = await loadConfigFile(file, {})
    expect(loaded).toMatchObject({
      file,
      config: { node: { state: join(folder, '.banyan/edge') } },
    })
  })

  test('that is not there, not a file, not UTF-8 or too large is a ConfigError', async () => {
    await writeFile(join(folder, 'latin1.yaml'), Buffer.from([0x6e, 0xff, 0x0a]))
    await writeFile(join(folder, 'large.yaml'), Buffer.alloc(4 * 1_024 ** 2 + 1, '#'))
    const cases = [
      ['none.yaml', 'there is no such file'],
      ['.', 'is a folder'],
      ['latin1.yaml', 'is not UTF-8'],
      ['large.yaml', 'is larger than 4194304 bytes'],
    ] as const
    for (const [name, message] of cases) {
      const file = join(folder, name)
      await expect(loadConfigFile(file, {})).rejects.toMatchObject({
        name: 'ConfigError',
        message: `${file} ${message}`,
      })
    }
  })
})
