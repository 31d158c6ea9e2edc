import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../../node/core/config-error.ts'
import { configWarnings } from '../../../node/core/config-checks.ts'
import { parseConfig } from '../../../node/core/config.ts'
import type { AdminInput } from '../../../node/core/config-input.ts'
import type { AdminSettings } from '../../../node/core/config-types.ts'

const HASH = `sha256$${'A'.repeat(43)}`
const OTHER = `sha256$${'B'.repeat(43)}`
const KEYS = [{ name: 'ops', hash: HASH }]

function inputOf(admin: AdminInput): object {
  return {
    node: { name: 'edge', organisation: 'acme' },
    upstreams: { files: { stdio: { command: 'x' } } },
    namespaces: { docs: { from: ['files'] } },
    endpoints: { main: { namespaces: ['docs'] } },
    admin,
  }
}

function read(admin: AdminInput): AdminSettings | undefined {
  return parseConfig(inputOf(admin), { baseDir: '/etc/banyan' }).admin
}

function problems(admin: AdminInput): readonly string[] {
  try {
    read(admin)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
  }
}

function warnings(admin: AdminInput): readonly string[] {
  return configWarnings(parseConfig(inputOf(admin))).map(({ path }) => path.join('.'))
}

test('there is none unless it is asked for', () => {
  const { admin: _, ...without } = { ...inputOf({}), admin: undefined }
  expect(parseConfig(without).admin).toBeUndefined()
})

test('is on loopback, asks for keys and changes nothing by default', () => {
  expect(read({ keys: KEYS })).toEqual({
    listen: { host: '127.0.0.1', port: 7490 },
    auth: 'keys',
    keys: [{ name: 'ops', hash: HASH, readOnly: false }],
    write: false,
    console: true,
    allowedHosts: [],
  })
})

test('its files are found from the folder of the configuration', () => {
  const tls = { cert: 'a.pem', key: '/b.pem' }
  expect(read({ keys: KEYS, tls })?.tls).toEqual({ cert: '/etc/banyan/a.pem', key: '/b.pem' })
})

describe('is refused', () => {
  test.each<[string, AdminInput, string]>([
    ['without a key', {}, 'admin.keys: there is none, so nobody could ask'],
    [
      'at the port of callers',
      { keys: KEYS, listen: '127.0.0.1:7400' },
      'admin.listen: is the port of node.listen: operators ask at a port of their own',
    ],
    [
      'at the port of callers, at another address',
      { keys: KEYS, listen: '127.0.0.2:7400' },
      'admin.listen: is the port of node.listen: operators ask at a port of their own',
    ],
    [
      'open to the network',
      { auth: 'none', listen: '0.0.0.0:7401' },
      'admin.auth: none is only for loopback',
    ],
    [
      'open, with keys',
      { auth: 'none', keys: KEYS },
      'admin.keys: nobody is asked for a key while auth is none',
    ],
    [
      'with one key twice',
      { keys: [...KEYS, { name: 'two', hash: HASH }] },
      'admin.keys.1.hash: is in the list twice',
    ],
    [
      'with two keys of one name',
      { keys: [...KEYS, { name: 'ops', hash: OTHER }] },
      'admin.keys.1.name: is in the list twice',
    ],
  ])('%s', (_, admin, problem) => {
    expect(problems(admin)).toEqual([problem])
  })

  test('with a key in the place of its hash', () => {
    expect(problems({ keys: [{ name: 'ops', hash: 'secret' }] })).toHaveLength(1)
  })
})

describe('is warned about', () => {
  test.each<[string, AdminInput, readonly string[]]>([
    ['in plain http on the network', { keys: KEYS, listen: '10.0.0.1:7401' }, ['admin.listen']],
    ['changeable by everybody here', { auth: 'none', write: true }, ['admin.write']],
    [
      'with a key that is over',
      { keys: [{ name: 'ops', hash: HASH, notAfter: '2020-01-01' }] },
      ['admin.keys.0.notAfter'],
    ],
    ['not otherwise', { keys: KEYS }, []],
  ])('%s', (_, admin, paths) => {
    expect(warnings(admin)).toEqual(paths)
  })
})
