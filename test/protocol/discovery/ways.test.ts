import {
  array,
  assert,
  boolean,
  constantFrom,
  dictionary,
  property,
  record,
  stringMatching,
} from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readServer, UnreadableServer } from '../../../protocol/discovery/server-json.ts'
import { waysTo, type ServerWay } from '../../../protocol/discovery/ways.ts'

const NAME = 'com.example/weather'

function ways(parts: object, given: Record<string, string> = {}): ReturnType<typeof waysTo> {
  return waysTo(readServer({ name: NAME, ...parts }), new Map(Object.entries(given)), 'weather')
}

function only(parts: object, given: Record<string, string> = {}): ServerWay {
  const found = ways(parts, given)
  expect(found.not).toEqual([])
  expect(found.ways).toHaveLength(1)
  return found.ways[0]!
}

const pack = (more: object): object => ({
  packages: [
    { registryType: 'npm', identifier: '@e/weather', transport: { type: 'stdio' }, ...more },
  ],
})

describe('a package', () => {
  test.each([
    ['npm', '@e/weather', '1.2.3', 'npx', ['-y', '@e/weather@1.2.3']],
    ['npm', '@e/weather', undefined, 'npx', ['-y', '@e/weather']],
    ['pypi', 'weather-mcp', '0.5.0', 'uvx', ['weather-mcp@0.5.0']],
    ['nuget', 'E.Weather', '2.0.0', 'dnx', ['E.Weather@2.0.0', '--yes']],
    [
      'oci',
      'reg.example:5000/e/weather',
      '1.0',
      'docker',
      ['run', '-i', '--rm', 'reg.example:5000/e/weather:1.0'],
    ],
    ['oci', 'e/weather:1.0', '1.0', 'docker', ['run', '-i', '--rm', 'e/weather:1.0']],
  ])('of %s, %s %s is run', (...row) => {
    const [registryType, identifier, version, command, args] = row
    const { upstream, kind } = only(pack({ registryType, identifier, version }))
    expect(kind).toBe(registryType)
    expect(upstream).toEqual({ stdio: { command, args } })
  })

  test('gets its arguments in order, from who has them', () => {
    const runtimeArguments = [{ type: 'named', name: '--node-options', value: '--no-warnings' }]
    const packageArguments = [
      { type: 'positional', value: 'serve' },
      { type: 'positional', valueHint: 'folder', isRequired: true },
      { type: 'named', name: '--port', default: '80' },
      { type: 'named', name: '-p', value: '{host}:1', variables: { host: { default: 'local' } } },
      { type: 'named', name: '--left-out' },
      { type: 'named', name: '--bare', isRequired: true },
    ]
    const parts = pack({ runtimeArguments, packageArguments })
    const args = [
      '-y',
      '--node-options=--no-warnings',
      '@e/weather',
      'serve',
      '/srv',
      '--port=81',
      '-p',
      'local:1',
      '--bare',
    ]
    expect(only(parts, { folder: '/srv', port: '81' }).upstream).toEqual({
      stdio: { command: 'npx', args },
    })
  })

  test('says what it must be told', () => {
    const packageArguments = [{ type: 'positional', valueHint: 'folder', description: 'where' }]
    expect(only(pack({ packageArguments })).missing).toEqual([
      { name: 'folder', description: 'where' },
    ])
    const choosing = [{ type: 'positional', valueHint: 'mode', choices: ['a', 'b'] }]
    expect(only(pack({ packageArguments: choosing }), { mode: 'c' }).missing).toEqual([
      { name: 'mode', description: 'one of a, b' },
    ])
  })

  test('has secrets from the environment, whatever was given', () => {
    const environmentVariables = [
      { name: 'API_KEY', isSecret: true, isRequired: true, description: 'of the service' },
      { name: 'OPTIONAL_KEY', isSecret: true },
      { name: 'UNIT', default: 'celsius' },
      { name: 'COST', value: '${5}' },
    ]
    const way = only(pack({ registryType: 'oci', environmentVariables }), { API_KEY: 'given' })
    expect(way.upstream).toEqual({
      stdio: {
        command: 'docker',
        args: ['run', '-i', '--rm', '-e', 'API_KEY', '-e', 'UNIT', '-e', 'COST', '@e/weather'],
        env: { API_KEY: '${API_KEY}', UNIT: 'celsius', COST: '$${5}' },
      },
    })
    expect(way.environment).toEqual([{ name: 'API_KEY', description: 'of the service' }])
  })

  test.each([
    [{ registryType: 'mcpb' }, 'no way to run a package of mcpb is known'],
    [{ registryType: '__proto__' }, 'no way to run'],
    [{ transport: { type: 'sse' } }, 'start it, and add its URL'],
    [{ identifier: '--eval=1' }, 'is no name of a package'],
    [{ version: '-1' }, 'is no name of a package'],
  ])('like %j is not run', (more, why) => {
    const { ways: found, not } = ways(pack(more))
    expect(found).toEqual([])
    expect(not[0]?.why).toContain(why)
  })
})

describe('a remote', () => {
  test('has its URL and headers filled in, secrets by reference', () => {
    const remote = {
      type: 'streamable-http',
      url: 'https://{tenant}.example.com/mcp',
      variables: { tenant: { default: 'main' } },
      headers: [
        {
          name: 'Authorization',
          value: 'Bearer {api-token} {token}',
          variables: { token: { isSecret: true } },
        },
        { name: 'X-Region', isRequired: true, default: 'eu' },
        { name: 'X-Left', isRequired: false },
      ],
    }
    const way = only({ remotes: [remote] }, { tenant: 'acme' })
    expect(way.upstream).toEqual({
      http: {
        url: 'https://acme.example.com/mcp',
        headers: { Authorization: 'Bearer {api-token} ${WEATHER_TOKEN}', 'X-Region': 'eu' },
      },
    })
    expect(way.environment.map(({ name }) => name)).toEqual(['WEATHER_TOKEN'])
  })

  test('comes before packages, and must be streamable', () => {
    const sse = { type: 'sse', url: 'https://e.com/sse' }
    const good = { type: 'streamable-http', url: 'https://e.com/mcp' }
    const { ways: found, not } = ways({ remotes: [sse, good], ...pack({}) })
    expect(found.map(({ kind }) => kind)).toEqual(['remote', 'npm'])
    expect(not).toHaveLength(1)
  })
})

test.each([
  [{}, 'name'],
  [{ name: 'weather' }, 'must be like com.example/weather'],
  [{ name: NAME, remotes: [{ type: 'sse' }] }, 'remotes.0.url'],
  [{ name: NAME, packages: [{ registryType: 'npm' }] }, 'packages.0.identifier'],
  [7, 'the document'],
])('%j is refused, and it is said where', (json, where) => {
  expect(() => readServer(json)).toThrow(UnreadableServer)
  expect(() => readServer(json)).toThrow(where)
})

// oxlint-disable-next-line vitest/expect-expect -- what is expected is inside the property
test('nothing that a stranger wrote reads a variable of the environment', () => {
  const word = stringMatching(/^[${}AB]{0,12}$/)
  const variable = record({ isSecret: boolean(), default: word })
  const input = record({
    name: constantFrom('A', 'B'),
    value: word,
    isSecret: boolean(),
    variables: dictionary(constantFrom('A', 'B'), variable),
  })
  const inputs = array(input, { maxLength: 3 })
  assert(
    property(inputs, inputs, (environmentVariables, headers) => {
      const remotes = [{ type: 'streamable-http', url: 'https://e.com', headers }]
      const found = ways({ remotes, ...pack({ environmentVariables }) })
      const strays = found.ways.flatMap(({ upstream, environment }) => {
        const named = new Set(environment.map(({ name }) => name))
        return valuesOf(upstream)
          .flatMap(referencesIn)
          .filter((name) => !named.has(name))
      })
      expect(strays).toEqual([])
    }),
    { numRuns: 500 },
  )
})

/** As a configuration is read, where `$${` is no reference. */
function referencesIn(value: string): readonly string[] {
  const found = value.matchAll(/\$\$\{|\$\{([A-Z_]*)\}?/g)
  return Array.from(found).flatMap(([all, name = '']) => (all === '$${' ? [] : [name]))
}

function valuesOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return value !== null && typeof value === 'object' ? Object.values(value).flatMap(valuesOf) : []
}
