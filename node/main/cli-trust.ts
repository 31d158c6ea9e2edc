import { UsageError, type Command } from './cli-command.ts'
import { addTrust } from './cli-trust-add.ts'
import { checkTrust } from './cli-trust-check.ts'
import { listTrust } from './cli-trust-list.ts'

/** `banyan trust`: federates two organisations, one command on each side. */
export const trustCommand: Command = {
  name: 'trust',
  summary: 'federate with another organisation, and check that both sides agree',
  usage:
    'add FILE URL --scope THEIRS[=OURS]... [--endpoint NAME | --as LABEL] [--expect THUMBPRINT]... [--until DATE] [--pin] [--yes] [--dry-run] | check FILE [--json] | list FILE [--json]',
  options: {
    scope: {
      type: 'string',
      value: 'SCOPE',
      multiple: true,
      summary:
        'what may be called, in the names of the called endpoint, like ns:docs; =SCOPE for another name on this side',
    },
    endpoint: {
      type: 'string',
      value: 'NAME',
      multiple: true,
      summary: 'with the URL of an issuer: our endpoint that its people may call',
    },
    as: {
      type: 'string',
      value: 'LABEL',
      summary: 'with the URL of an endpoint: what the upstream is called here',
    },
    client: {
      type: 'string',
      value: 'ID',
      multiple: true,
      summary: 'client id of a node of theirs; default <issuer>/oauth/client.json',
    },
    transit: {
      type: 'string',
      value: 'ISSUER',
      multiple: true,
      summary: 'an issuer whose people they may pass on; default: only their own people',
    },
    until: { type: 'string', value: 'DATE', summary: 'when it ends, like 2027-06-01' },
    expect: {
      type: 'string',
      value: 'THUMBPRINT',
      multiple: true,
      summary: 'a key they told you of; fails unless they publish it, and asks no question',
    },
    pin: { type: 'boolean', summary: 'take no other keys than those they have now' },
    yes: { type: 'boolean', summary: 'write without asking' },
    'dry-run': { type: 'boolean', summary: 'print what would be written, and write nothing' },
    json: { type: 'boolean', summary: 'print one JSON document' },
  },
  async run(context) {
    const [what] = context.args
    if (what === 'add') return addTrust(context)
    if (what === 'check') return checkTrust(context)
    if (what === 'list') return listTrust(context)
    throw new UsageError('say what to do: add, check or list')
  },
}
