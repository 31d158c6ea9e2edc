import type {
  CallersReport,
  IdentityReport,
  IssuerReport,
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

function nodeLines({ client, spends, reaches, grants }: NodeReport): readonly string[] {
  const trades = `node ${client}: trades tokens for ${listed(spends)} into tokens for ${listed(reaches)}`
  return [trades, ...grants.map(ruleLine)]
}

function ruleLine({
  issuer,
  resources,
  scopes,
  subject,
  disclose,
}: NodeReport['grants'][number]): string {
  const words = [
    `  grants for ${issuer}: ${resources === undefined ? 'any endpoint' : listed(resources)}`,
    ...(scopes.map === undefined ? [] : [mapped(scopes.map)]),
    ...(scopes.max === undefined ? [] : [`at most ${listed(scopes.max)}`]),
    `${subject} subject, actors ${disclose} at most`,
  ]
  return words.join('; ')
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

/** Who signs grants where the issuer does not. */
function signerLines({ grants }: IssuerReport): readonly string[] {
  if (grants === undefined) return []
  const who = grants.mode === 'embedded' ? 'this process' : 'another node'
  const ttl = grants.grantTtl === undefined ? '' : `; they live ${grants.grantTtl}`
  return [`grants signed by ${who} as ${grants.url}: what trust records of others name${ttl}`]
}

/** Who issues tokens and signs grants, and whether it is asked what was revoked. */
function issuerLines(issuer: IssuerReport): readonly string[] {
  const { url, mode, tokenTtl, revocationPoll } = issuer
  const words = [
    `issuer ${url}, ${RUNS[mode]}`,
    ...(tokenTtl === undefined ? [] : [`tokens live ${tokenTtl}`]),
  ]
  const poll =
    revocationPoll === undefined
      ? []
      : [`revocations are asked for every ${revocationPoll}, and count from then on`]
  return [words.join('; '), ...signerLines(issuer), ...poll]
}

/** Who may get tokens, a line each. */
export function identityLines(identity: IdentityReport): readonly string[] {
  const { issuer, nodes, workloads, trust } = identity
  const own = issuer === undefined ? [] : issuerLines(issuer)
  return [
    ...own,
    ...nodes.flatMap(nodeLines),
    ...workloads.map(workloadLine),
    ...trust.map(trustLine),
  ]
}
