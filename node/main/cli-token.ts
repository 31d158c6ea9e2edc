import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { readCompact } from '../../protocol/token/compact.ts'
import { isScopeToken } from '../../protocol/token/scopes.ts'
import { MEMORY_STATE } from '../core/config.ts'
import { loadConfigFile } from '../core/config-file.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { parseDuration } from '../core/units.ts'
import { mintToken } from '../identity/minting.ts'
import { hashStaticKey } from '../identity/static-keys.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'

const KEY_BYTES = 32
const TTL = { default: '10m', maxSeconds: 86_400 }

/** A static key and what of it goes into the file: the key itself is shown once, or written to a file, and kept nowhere. */
async function newKey(context: CommandContext): Promise<number> {
  const { options, stdout } = context
  const name = options.text('name')
  if (name === undefined) throw new UsageError('--name is missing: who holds the key')
  const isAdmin = options.has('admin')
  if (isAdmin && options.has('scope')) throw new UsageError('--scope and --admin: one or the other')
  const key = randomBytes(KEY_BYTES).toString('base64url')
  const hash = hashStaticKey(key)
  const entry = isAdmin ? { name, hash } : { name, hash, scopes: options.texts('scope') }
  const out = options.text('out')
  if (out !== undefined) await writeKey(out, key)
  if (options.has('json')) {
    stdout.write(`${JSON.stringify(out === undefined ? { key, entry } : { out, entry })}\n`)
    return EXIT.ok
  }
  const scopes = isAdmin ? '' : `, scopes: ${JSON.stringify(options.texts('scope'))}`
  const line = `{ name: ${name}, hash: '${hash}'${scopes} }`
  const place = isAdmin ? 'admin.keys' : 'endpoints.<name>.auth.keys'
  const shown = `key, to be sent as "Authorization: Bearer <key>", shown only now:\n  ${key}\n`
  stdout.write(out === undefined ? shown : `key written to ${out}, for its owner only\n`)
  stdout.write(`under "${place}" of the file:\n  - ${line}\n`)
  return EXIT.ok
}

/** @throws Error when there is such a file already */
async function writeKey(file: string, key: string): Promise<void> {
  try {
    await writeFile(file, `${key}\n`, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    throw new Error(`${file} cannot be written, or is there already`, { cause })
  }
}

function ttlOf(given: string): number {
  const parsed = parseDuration(given)
  const seconds = 'value' in parsed ? parsed.value / 1_000 : Number.NaN
  if (seconds >= 1 && seconds <= TTL.maxSeconds) return seconds
  throw new UsageError('--ttl must be a duration from 1s to 24h, like 10m')
}

function checkIssuer(config: NodeConfig, file: string, endpoint: string): void {
  if (config.issuer?.mode !== 'embedded') {
    throw new Error(`${file}: the node issues no tokens: it has no "issuer" of mode embedded`)
  }
  if (config.node.state === MEMORY_STATE) {
    throw new Error(`${file}: node.state is "memory", so the keys are with the running node alone`)
  }
  const auth = config.endpoints[endpoint]?.auth
  if (auth === undefined) throw new Error(`${file}: there is no endpoint "${endpoint}"`)
  if (auth === 'none') throw new Error(`${file}: endpoint "${endpoint}" asks for no token`)
}

async function mint({ args, options, stdout }: CommandContext): Promise<number> {
  const [, file] = args
  const [endpoint, subject] = [options.text('endpoint'), options.text('subject')]
  if (file === undefined) throw new UsageError('a file is missing')
  if (endpoint === undefined) throw new UsageError('--endpoint is missing')
  if (subject === undefined) throw new UsageError('--subject is missing: who the token is for')
  const scopes = options.texts('scope')
  const odd = scopes.find((scope) => !isScopeToken(scope))
  if (scopes.length === 0) throw new UsageError('--scope is missing, like --scope ns:docs')
  if (odd !== undefined) throw new UsageError(`"${odd}" is not one scope (RFC 6749 §3.3)`)
  const ttl = ttlOf(options.text('ttl') ?? TTL.default)
  const { config } = await loadConfigFile(file)
  checkIssuer(config, file, endpoint)
  const token = await mintToken(config, { endpoint, subject, scopes, ttl })
  stdout.write(
    options.has('json') ? `${JSON.stringify({ token, expiresIn: ttl })}\n` : `${token}\n`,
  )
  return EXIT.ok
}

/** From standard input: arguments are seen by all users of the machine. */
async function inspect({ stdin, stdout }: CommandContext): Promise<number> {
  const raw = (await text(stdin)).trim()
  const { header, payload } = readCompact(raw)
  stdout.write(`${JSON.stringify({ header, payload, verified: false }, null, 2)}\n`)
  return EXIT.ok
}

/** `banyan token`: makes tokens and keys for people and scripts, and shows what is in a token. */
export const tokenCommand: Command = {
  name: 'token',
  summary: 'make tokens and static keys for people and scripts, and show what a token says',
  usage:
    'mint FILE --endpoint NAME --subject WHO --scope SCOPE... [--ttl 10m] [--json] | key --name WHO [--scope SCOPE]... [--admin] [--out FILE] [--json] | inspect < TOKEN',
  options: {
    endpoint: { type: 'string', value: 'NAME', summary: 'the endpoint the token is for' },
    subject: { type: 'string', value: 'WHO', summary: 'the subject of the token' },
    scope: { type: 'string', value: 'SCOPE', multiple: true, summary: 'a scope, like ns:docs' },
    ttl: { type: 'string', value: 'TIME', summary: `life of the token, default ${TTL.default}` },
    name: { type: 'string', value: 'WHO', summary: 'who holds the static key' },
    admin: { type: 'boolean', summary: 'a key of an operator, for the part "admin"' },
    out: { type: 'string', value: 'FILE', summary: 'write the key to a new file of mode 0600' },
    json: { type: 'boolean', summary: 'print JSON' },
  },
  async run(context) {
    const [what] = context.args
    if (what === 'mint') return mint(context)
    if (what === 'key') return newKey(context)
    if (what === 'inspect') return inspect(context)
    throw new UsageError('say what to do: mint, key or inspect')
  },
}
