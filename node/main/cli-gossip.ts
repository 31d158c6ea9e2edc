import { newUserKey } from '../../topology/bus-nats.ts'
import { nkeyConfig, scopedCommands, type NatsUser } from '../../topology/nats-config.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'

/** A key pair a node proves itself to a NATS server with. */
function newKey({ stdout }: CommandContext): number {
  const { seed, nkey } = newUserKey()
  stdout.write(`seed, for gossip.credentials.nkey of the node, shown only now:\n  ${seed}\n`)
  stdout.write(`public key, for "gossip nats-config":\n  ${nkey}\n`)
  return EXIT.ok
}

function natsConfig({ args, options, stdout }: CommandContext): number {
  const [, ...nodes] = args
  const organisation = options.text('organisation')
  if (organisation === undefined) throw new UsageError('--organisation is missing')
  if (nodes.length === 0) throw new UsageError('gossip nats-config takes nodes: ID=NKEY')
  try {
    const text = options.has('jwt')
      ? scopedCommands(organisation, nodes)
      : nkeyConfig(organisation, nodes.map(userOf).map(atBorder(options.texts('border'))))
    stdout.write(text)
    return EXIT.ok
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error
  }
}

function userOf(text: string): NatsUser {
  const [node = '', nkey = ''] = text.split('=')
  return { node, nkey }
}

/** Marks those that speak for their organisation. */
function atBorder(ids: readonly string[]): (user: NatsUser) => NatsUser {
  return (user) => (ids.includes(user.node) ? { ...user, border: true } : user)
}

/** `banyan gossip`: what a NATS server needs to know of the nodes of an organisation. */
export const gossipCommand: Command = {
  name: 'gossip',
  summary: 'print the configuration of a NATS server for some nodes, or a key for one',
  usage: 'nkey | nats-config --organisation ORG (ID=NKEY... [--border ID]... | --jwt ID...)',
  options: {
    organisation: { type: 'string', value: 'ORG', summary: 'the organisation of the nodes' },
    border: {
      type: 'string',
      value: 'ID',
      multiple: true,
      summary: 'with nkeys: a node that speaks for the organisation to others on a shared bus',
    },
    jwt: {
      type: 'boolean',
      summary: 'print commands of nsc for a scoped signing key, in place of users with nkeys',
    },
  },
  run: (context) => {
    const [action] = context.args
    if (action === 'nkey') return Promise.resolve(newKey(context))
    if (action === 'nats-config') return Promise.resolve(natsConfig(context))
    throw new UsageError('gossip takes one of nkey, nats-config')
  },
}
