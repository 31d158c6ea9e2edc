import type {
  CallersReport,
  IdentityReport,
  KeyReport,
  NodeReport,
  TrustReport,
  WorkloadReport,
} from '../control/check-identity.ts'
import type { ProofReport, RemoteReport } from '../control/check.ts'

const END_OF_DAY = 'T23:59:59.999Z'

function until({ notAfter }: { readonly notAfter?: string }): string {
  return notAfter === undefined ? 'without end' : `until ${notAfter.replace(END_OF_DAY, '')}`
}

function listed(words: readonly string[]): string {
  return words.length === 0 ? 'nothing' : words.join(', ')
}

function mapped(scopes: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(scopes)
    .map(([from, to]) => `${from} as ${to.join(' ')}`)
    .join(', ')
}

function keyLine({ name, scopes, ...key }: KeyReport): string {
  return `callers: the key of ${name}, for ${listed(scopes)}, ${until(key)}`
}

/** Who may call an endpoint, a line each. */
export function callerLines(callers: CallersReport): readonly string[] {
  if (callers.open) return ['callers: OPEN, whoever reaches it']
  const { issuer, dpop, dpopNonces, introspection, scopes, scopeMap, keys } = callers
  const bound = dpop === 'required' ? 'bound to a key of theirs (DPoP)' : 'bound or bearer'
  const words = [
    `with tokens of ${issuer}, ${bound}`,
    ...(dpopNonces === 'required' ? ['proofs with a nonce of this node'] : []),
    ...(introspection ? ['opaque ones are asked about'] : []),
    ...(scopes.length === 0 ? [] : [`scopes ${scopes.join(' ')}`]),
    ...(Object.keys(scopeMap).length === 0 ? [] : [`taken over: ${mapped(scopeMap)}`]),
  ]
  const tokens = issuer === undefined ? [] : [`callers: ${words.join('; ')}`]
  return [...tokens, ...keys.map(keyLine)]
}

function passing({ passing: { mode, ...report } }: RemoteReport): string {
  if (mode === 'none') return 'is not told who calls'
  const { issuer, scopes = {}, granted = [], requires = [], ...rest } = report
  const { provider, subject, disclose } = rest
  const over = `; goes over: ${mapped(scopes)}`
  if (mode === 'exchange') return `gets the caller, exchanged at ${issuer}${over}`
  if (mode === 'chain') {
    return `gets the caller, granted to ${issuer} as ${subject} subject, actors ${disclose}${over}`
  }
  const server = issuer ?? 'the server it names'
  if (mode === 'oauth') {
    const asked = granted.length === 0 ? 'what it asks for' : listed(granted)
    const who = requires.length === 0 ? '' : `; callers need ${listed(requires)}`
    return `gets each caller by a sign-in of its own at ${server}, for ${asked}${who}`
  }
  const by = provider === undefined ? '' : `, got by a grant of ${provider},`
  return `gets the node itself, by a token of ${server}${by} for ${listed(granted)}; callers need ${listed(requires)}`
}

/** How one upstream on the network is told who calls. */
export function passingLine(remote: RemoteReport): string {
  const anywhere = remote.allowPrivate ? '' : '; public addresses only'
  return `to ${remote.label}: ${passing(remote)}${anywhere}`
}

/** How what one upstream says is proved. */
export function proofLine({ label, results, descriptors, pin, signers }: ProofReport): string {
  const words = [`results ${results}`, `descriptions ${descriptors}`, `pins ${pin}`]
  const believed = signers.map(({ url, organisation }) => `${url} about ${organisation}`)
  const whom = believed.length === 0 ? '' : `; believed: ${listed(believed)}`
  return `from ${label}: ${words.join(', ')}${whom}`
}

function trustLine(record: TrustReport): string {
  const { issuer, resources, scopes, transit, maxDepth, maxTtl, cnf } = record
  const relays = transit.length === 0 ? 'its own people only' : `also people of ${listed(transit)}`
  const bound = cnf === 'dpop' ? 'bound to a key (DPoP)' : 'bound to nothing'
  return [
    `trust ${issuer}: may call ${listed(resources)} for ${listed(scopes)}`,
    until(record),
    `up to ${maxDepth} actors deep`,
    `${relays} (${record.subjects}${record.anonymous ? ', or nobody' : ''})`,
    `tokens of ${maxTtl}, ${bound}`,
  ].join('; ')
}

function nodeLine({ client, spends, reaches }: NodeReport): string {
  return `node ${client}: trades tokens for ${listed(spends)} into tokens for ${listed(reaches)}`
}

function workloadLine({ client, proof, platform, resources, scopes }: WorkloadReport): string {
  const by = platform === undefined ? `its ${proof}` : `tokens of ${platform}`
  return `workload ${client}: by ${by}, may call ${listed(resources)} for ${listed(scopes)}`
}

const RUNS: Readonly<Record<NonNullable<IdentityReport['issuer']>['mode'], string>> = {
  embedded: 'this process',
  node: 'another node',
  external: 'an external authorization server',
}

/** Who may get tokens, a line each. */
export function identityLines(identity: IdentityReport): readonly string[] {
  const { issuer, nodes, workloads, trust } = identity
  const ttl = issuer?.tokenTtl === undefined ? '' : `; tokens live ${issuer.tokenTtl}`
  const own = issuer === undefined ? [] : [`issuer ${issuer.url}, ${RUNS[issuer.mode]}${ttl}`]
  return [...own, ...nodes.map(nodeLine), ...workloads.map(workloadLine), ...trust.map(trustLine)]
}
