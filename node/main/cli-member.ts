import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { isNodeId } from '../../protocol/federation.ts'
import { isOrganisation } from '../../topology/record.ts'
import { parseDuration } from '../core/units.ts'
import { readMembership, signMembership } from '../identity/membership.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'

const DEFAULT_TTL = '90d'
const DAY_S = 86_400

/** A key that signs membership: the private half goes to a file, the public one into configurations. */
async function newKey({ args, stdout }: CommandContext): Promise<number> {
  const [, file] = args
  if (file === undefined) throw new UsageError('member key takes the file to write the key to')
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
  try {
    await writeFile(file, pem, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    throw new Error(`${file} cannot be written, or is there already`, { cause })
  }
  const { kty, crv, x } = publicKey.export({ format: 'jwk' })
  stdout.write(`${JSON.stringify({ kty, crv, x })}\n`)
  return EXIT.ok
}

async function keyIn(file: string | undefined): Promise<KeyObject> {
  if (file === undefined) throw new UsageError('--key is missing: the file "member key" wrote')
  try {
    const key = createPrivateKey(await readFile(file, 'utf8'))
    const { crv } = createPublicKey(key).export({ format: 'jwk' })
    if (crv === 'Ed25519' || crv === 'P-256') return key
  } catch {
    // What it says may quote the key.
  }
  throw new UsageError(`${file} holds no Ed25519 or P-256 private key`)
}

/** Seconds. Days may be many: other durations of the configuration end where timers do. */
function ttlOf(text: string): number {
  const days = /^([1-9][0-9]{0,3})d$/.exec(text)?.[1]
  if (days !== undefined) return Number(days) * DAY_S
  const ttl = parseDuration(text)
  if (!ttl.ok) throw new UsageError(`--ttl: ${ttl.message}`)
  return Math.floor(ttl.value / 1_000)
}

async function issue({ args, options, stdout }: CommandContext): Promise<number> {
  const [, node] = args
  const organisation = options.text('organisation')
  if (!isNodeId(node)) throw new UsageError('member issue takes the id of a node')
  if (!isOrganisation(organisation)) throw new UsageError('--organisation is missing, or is none')
  const ttl = ttlOf(options.text('ttl') ?? DEFAULT_TTL)
  const key = await keyIn(options.text('key'))
  const now = Math.floor(Date.now() / 1_000)
  const name = options.text('name')
  const expiresAt = now + ttl
  stdout.write(`${signMembership(key, { organisation, node, name, expiresAt }, now)}\n`)
  return EXIT.ok
}

async function show({ args, stdout }: CommandContext): Promise<number> {
  const [, file] = args
  if (file === undefined) throw new UsageError('member show takes a file with a token')
  const membership = readMembership((await readFile(file, 'utf8')).trim())
  if (membership === undefined) throw new Error(`${file} holds no membership token`)
  const { expiresAt, ...rest } = membership
  const ends = new Date(expiresAt * 1_000).toISOString()
  stdout.write(`${JSON.stringify({ ...rest, expiresAt: ends }, null, 2)}\n`)
  return EXIT.ok
}

/** `banyan member`: who belongs to an organisation, by signature. */
export const memberCommand: Command = {
  name: 'member',
  summary: 'make a key that signs who is a member, sign that a node is, show what was signed',
  usage: 'key OUT | issue NODE --key KEY --organisation ORG [--name NAME] [--ttl TTL] | show FILE',
  options: {
    key: { type: 'string', value: 'KEY', summary: 'file with the key that signs membership' },
    organisation: { type: 'string', value: 'ORG', summary: 'the organisation the node is of' },
    name: { type: 'string', value: 'NAME', summary: 'the only name it may go by; default: any' },
    ttl: {
      type: 'string',
      value: 'TTL',
      summary: `how long it is a member (default: ${DEFAULT_TTL})`,
    },
  },
  run: (context) => {
    const [action] = context.args
    if (action === 'key') return newKey(context)
    if (action === 'issue') return issue(context)
    if (action === 'show') return show(context)
    throw new UsageError('member takes one of key, issue, show')
  },
}
