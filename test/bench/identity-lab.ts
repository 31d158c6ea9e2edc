// Nodes that ask who calls, and tokens for them: the processes behind identity.bench.ts.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from '../../node/core/config.ts'
import type { Keys } from '../../node/identity/keys.ts'
import { openKeys } from '../../node/identity/minting.ts'
import { loadSecrets } from '../../node/identity/secrets.ts'
import { SigningIssuer } from '../../node/identity/service/local-issuer.ts'
import { start, type Running } from './processes.ts'

/** A node that is its own issuer. */
export interface GuardedNode extends Running {
  /** Without a path. */
  readonly base: string
  endpoint(name: string): string
  /** A token for one endpoint, as the token service of the node would have signed it. */
  token(endpoint: string, holder: { readonly subject: string; readonly jkt?: string }): string
  /** Takes another configuration; what changed is taken over at SIGHUP. */
  reload(parts: NodeParts): Promise<void>
}

/** The parts of a configuration that differ. */
export type NodeParts = Readonly<Record<string, unknown>>

/** All scopes there are; what a token lacks is not what is measured. */
export const SCOPES: readonly string[] = ['ns:plain', 'ns:told', 'ns:far']

const TOKEN_LIFE_S = 3_600

interface ReadyLine {
  readonly event: 'ready'
  readonly nodes: readonly { readonly endpoints: Readonly<Record<string, string>> }[]
}

function isReadyLine(said: unknown): said is ReadyLine {
  return typeof said === 'object' && said !== null && 'event' in said && said.event === 'ready'
}

/** What a node is started with. */
export interface Guarding {
  /** The command `banyan`. */
  readonly cli: string
  readonly name: string
  readonly parts: NodeParts
  /** Options of Node.js, before the command; default none. */
  readonly execArgv?: readonly string[]
}

/** Starts a node by `up FILE --json` of the given command. Its files are gone when it has stopped. */
export async function startGuarded(guarding: Guarding): Promise<GuardedNode> {
  const { cli, name, parts, execArgv = [] } = guarding
  const folder = await mkdtemp(join(tmpdir(), 'banyan-bench-'))
  const [file, state] = [join(folder, `${name}.yaml`), join(folder, 'state')]
  const configOf = (more: NodeParts): object => ({
    node: { name, organisation: name, listen: '127.0.0.1:0', state },
    issuer: {},
    ...more,
  })
  const write = (more: NodeParts): Promise<void> => writeFile(file, JSON.stringify(configOf(more)))
  await write(parts)
  let url = ''
  const running = await start({
    name,
    args: [...execArgv, cli, 'up', file, '--json', '--log', 'error'],
    ready: (said) => (isReadyLine(said) ? (url = firstOf(said)) : undefined),
  })
  const config = parseConfig(configOf(parts))
  const keys = await openKeys(config, state)
  const base = new URL(url).origin
  const issuer = await signerOf(base, keys, state)
  return {
    ...running,
    base,
    endpoint: (endpoint) => `${base}/mcp/${endpoint}`,
    token: (endpoint, { subject, jkt }) =>
      issuer.mint({
        subject,
        resource: `${base}/mcp/${endpoint}`,
        scopes: SCOPES,
        ttl: TOKEN_LIFE_S,
        owner: { iss: base, sub: `${base}/oauth/client.json` },
        budget: config.limits.hopBudget,
        ...(jkt === undefined ? {} : { jkt }),
      }).token,
    reload: async (more) => {
      await write(more)
      running.child.kill('SIGHUP')
    },
    stop: async () => {
      keys.close()
      await running.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function firstOf({ nodes }: ReadyLine): string {
  return Object.values(nodes[0]?.endpoints ?? {})[0] ?? ''
}

const clock = (): number => Date.now() / 1_000

async function signerOf(issuer: string, keys: Keys, state: string): Promise<SigningIssuer> {
  const { sealing: secret } = await loadSecrets(state)
  return new SigningIssuer({ issuer, keys: keys.ring('sts'), secret, clock })
}
