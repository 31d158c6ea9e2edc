// Exits with 0 when the files fit each other, and otherwise with 1 and the reason. No Keycloak is started.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { banyan } from '../shared/process.ts'

const read = (name: string): Promise<string> => readFile(new URL(name, import.meta.url), 'utf8')

interface Config {
  readonly node: { readonly listen: string }
  readonly issuer: { readonly url: string }
  readonly namespaces: object
}

interface Realm {
  readonly realm: string
  readonly clientScopes: readonly {
    readonly name: string
    readonly protocolMappers: readonly { readonly config: Readonly<Record<string, string>> }[]
  }[]
  readonly clients: readonly { readonly defaultClientScopes: readonly string[] }[]
}

interface Compose {
  readonly services: Readonly<
    Record<
      'keycloak' | 'edge',
      { readonly network_mode?: string; readonly command: readonly string[] }
    >
  >
}

const checked = await banyan('check', fileURLToPath(new URL('banyan.yaml', import.meta.url)))
assert.equal(checked.code, 0, checked.out)

const config = parse(await read('banyan.yaml')) as Config
const realm = JSON.parse(await read('realm.json')) as Realm
const { services } = parse(await read('compose.yaml')) as Compose

const option = '--hostname='
const hostname = services.keycloak.command.find((word) => word.startsWith(option)) ?? option
assert.equal(config.issuer.url, `${hostname.slice(option.length)}/realms/${realm.realm}`)
assert.equal(services.edge.network_mode, 'service:keycloak', 'plain http needs one loopback')

const scopes = Object.keys(config.namespaces).map((name) => `ns:${name}`)
assert.deepEqual(
  realm.clientScopes.map(({ name }) => name),
  scopes,
  'a scope for each namespace',
)
assert.deepEqual(
  realm.clients.flatMap(({ defaultClientScopes }) => defaultClientScopes),
  scopes,
)
const mappers = realm.clientScopes.flatMap(({ protocolMappers }) => protocolMappers)
const audiences = mappers.flatMap(({ config: mapper }) => mapper['included.custom.audience'] ?? [])
assert.deepEqual(
  audiences,
  [`http://${config.node.listen}/mcp/main`],
  'tokens are for the endpoint',
)
process.stdout.write('the node, the realm and the containers speak of the same\n')
