import { z } from 'zod'
import { addProblem, defined, distinct, slug } from './config-fields.ts'
import { issuerId, keySource, thumbprint } from './config-identity-fields.ts'
import type { ProvenanceSettings, SignerRecord } from './config-identity-types.ts'

const MODES = ['off', 'attach', 'verify', 'require'] as const

/** Most signers of one upstream. */
const MAX_SIGNERS = 100

function modeField(
  what: string,
  verified: string,
): z.ZodPrefault<z.ZodEnum<Record<(typeof MODES)[number], (typeof MODES)[number]>>> {
  return z
    .enum(MODES)
    .prefault('off')
    .describe(
      `${what} off: they pass as they are, signed or not. attach: this node signs them as their origin; only for stdio and http upstreams. verify: ${verified} require: the same, and what is not verified does not pass; verify and require are only for node upstreams, and need signers. Default: off, for signing and checking cost time.`,
    )
}

const signer: z.ZodType<SignerRecord> = z
  .strictObject({
    url: issuerId.describe(
      'Base URL of the node that signs, exactly as it calls itself (its node.url): https, or http on loopback.',
    ),
    organisation: slug.describe(
      'The organisation whose tools it may sign for, as that organisation calls itself; nobody else’s.',
    ),
    keys: keySource
      .optional()
      .describe(
        'Its public keys for results. Default: those at <url>/oauth/result-jwks. Write them down (static) where nothing between may say what they are.',
      ),
    pins: distinct(thumbprint, 0)
      .prefault([])
      .describe(
        'Thumbprints (RFC 7638) of the only keys taken. Default: none; any key found there. With pins, a new key needs a new line here.',
      ),
  })
  .transform((record): SignerRecord => defined(record))
  .describe('A node that is believed about the tools of its organisation.')

const fields = z.strictObject({
  results: modeField(
    'Results of tools.',
    'the result says in _meta whether it is what its origin signed for this very call, and the log says so when it is not.',
  ),
  descriptors: modeField(
    'Descriptions of tools (names, texts, schemas, annotations).',
    'a description says in _meta whether it is what its origin signed, and the log says so when it is not.',
  ),
  signers: z
    .array(signer)
    .max(MAX_SIGNERS)
    .prefault([])
    .describe(
      'With verify and require, the origins behind this upstream that are believed. Who is not named here cannot vouch for anything. Default: none.',
    ),
  pin: z
    .enum(['off', 'flag', 'refuse'])
    .prefault('off')
    .describe(
      'Whether descriptions of tools are held against those written down by "banyan pin". flag: the log says what changed, and the description says in _meta that it did. refuse: a tool that is new or was changed is not offered until it is accepted. Works with any upstream, signed or not. Default: off; a server may change its tools.',
    ),
})

/** The field `provenance` of an upstream. */
export const provenance: z.ZodOptional<z.ZodType<ProvenanceSettings>> = fields
  .superRefine(({ results, descriptors, signers }, context) => {
    const checks = [results, descriptors].some((one) => one === 'verify' || one === 'require')
    if (checks && signers.length === 0) {
      const hint =
        'name the nodes that are believed, like { url: https://gate.globex.example, organisation: globex }'
      addProblem(context, {
        path: ['signers'],
        message: 'is missing: nothing could be verified',
        hint,
      })
    }
    if (!checks && signers.length > 0) {
      addProblem(context, { path: ['signers'], message: 'is only for verify and require' })
    }
    signers.forEach(({ url }, i) => {
      if (signers.findIndex((other) => other.url === url) === i) return
      addProblem(context, { path: ['signers', i, 'url'], message: 'is in the list twice' })
    })
  })
  .describe(
    'Whether results and descriptions of tools are proved to be their origin’s, however many nodes they passed. Default: off.',
  )
  .optional()

/** What a kind of upstream cannot have; paths below `provenance`. */
export function problemsOfKind(
  kind: 'server' | 'node',
  settings: ProvenanceSettings | undefined,
): readonly { readonly path: readonly string[]; readonly message: string }[] {
  if (settings === undefined) return []
  return (['results', 'descriptors'] as const).flatMap((field) => {
    const mode = settings[field]
    if (kind === 'node' && mode === 'attach') {
      return [{ path: [field], message: 'attach is for servers: a node signs for its own itself' }]
    }
    if (kind === 'server' && (mode === 'verify' || mode === 'require')) {
      return [{ path: [field], message: `${mode} is for nodes: a server signs nothing` }]
    }
    return []
  })
}
