import { asFault } from '../../protocol/errors.ts'
import { MEMORY_STATE } from '../core/config.ts'
import type { TrustRecord } from '../core/config-identity-types.ts'
import { signsGrants } from '../identity/own-issuer.ts'
import { clientKeys, keysAt } from '../identity/trust/peer.ts'
import { probeLink, type ChainUpstream, type ProbeResult } from '../identity/trust/probe.ts'
import type { Network } from '../identity/verifier/networks.ts'
import { EXIT, type CommandContext } from './cli-command.ts'
import { painter } from './cli-nodes.ts'
import { chainLinks, readSide, urlOfLink, withNetworks, type Side } from './trust-file.ts'

/** One thing that was looked at. `skipped` is nothing wrong, and nothing known. */
interface Finding {
  readonly state: 'ok' | 'failed' | 'skipped'
  readonly what: string
}

/** What was found about one record or link. */
interface Report {
  /** `in`: they call us; `out`: we call them. */
  readonly direction: 'in' | 'out'
  readonly issuer: string
  /** The upstream, of a link. */
  readonly label?: string
  readonly findings: readonly Finding[]
}

const SOON_MS = 30 * 86_400_000

async function attempt(what: string, work: () => Promise<string>): Promise<Finding> {
  try {
    return { state: 'ok', what: `${what}: ${await work()}` }
  } catch (error) {
    return { state: 'failed', what: `${what}: ${asFault(error).message}` }
  }
}

function count(keys: readonly string[]): string {
  return `${keys.length} ${keys.length === 1 ? 'key' : 'keys'} of use`
}

function endOf({ notAfter }: TrustRecord): readonly Finding[] {
  if (notAfter === undefined) return []
  const day = new Date(notAfter).toISOString()
  const now = Date.now()
  if (notAfter <= now) return [{ state: 'failed', what: `ended on ${day}` }]
  return [{ state: 'ok', what: `ends on ${day}${notAfter - now < SOON_MS ? ', soon' : ''}` }]
}

async function checkClient(
  { id, keys }: TrustRecord['clients'][number],
  { algs }: TrustRecord,
  network: Network,
): Promise<Finding> {
  const what = `client ${id}`
  if ('static' in keys) return { state: 'ok', what: `${what}: keys in this file` }
  const rules = { algs, pins: [] }
  return attempt(what, async () =>
    'jwksUri' in keys
      ? count(await keysAt(keys.jwksUri, rules, network))
      : count((await clientKeys(id, rules, network)).thumbprints),
  )
}

/** What somebody who calls us must publish for a record of ours to work. */
async function checkRecord(record: TrustRecord, network: Network): Promise<Report> {
  const { issuer, keys, algs, pins, clients } = record
  const rules = { algs, pins }
  const inFile: Finding = { state: 'ok', what: 'keys: in this file' }
  const ofIssuer =
    'static' in keys
      ? inFile
      : await attempt('keys', async () => count(await keysAt(keys.jwksUri, rules, network)))
  const ofClients = await Promise.all(clients.map((client) => checkClient(client, record, network)))
  return { direction: 'in', issuer, findings: [ofIssuer, ...ofClients, ...endOf(record)] }
}

async function checkLink(
  [label, upstream]: readonly [string, ChainUpstream],
  side: Side,
  network: Network,
): Promise<Report> {
  const { issuer } = upstream.auth
  const report = { direction: 'out', issuer, label } as const
  const found = await attempt('endpoint', async () => {
    const { issuers } = await network.discovery.resource(urlOfLink(upstream))
    if (issuers.includes(issuer)) return `${urlOfLink(upstream)} takes tokens of ${issuer}`
    throw new Error(`takes tokens of ${issuers.join(', ')}, not of ${issuer}`)
  })
  return { ...report, findings: [found, ...(await redeem([label, upstream], side))] }
}

function skipped(why: string): Finding {
  return { state: 'skipped', what: `token: not tried, ${why}` }
}

async function redeem(
  link: readonly [string, ChainUpstream],
  side: Side,
): Promise<readonly Finding[]> {
  const { config } = side
  if (!signsGrants(config.issuer)) return [skipped('another process signs the grants')]
  if (config.node.state === MEMORY_STATE) {
    return [skipped('the keys are with the running node alone')]
  }
  const forCaller = findingOf('token for a caller', await probeLink(side, link, 'caller'))
  if (forCaller.state !== 'ok') return [forCaller]
  return [forCaller, findingOf('token for the node', await probeLink(side, link, 'node'))]
}

function findingOf(what: string, result: ProbeResult): Finding {
  if (result.outcome === 'issued') {
    const { scopes, lifetime } = result
    return { state: 'ok', what: `${what}: ${scopes.join(', ')} for ${lifetime} s` }
  }
  const how = result.outcome === 'refused' ? `refused with ${result.error}` : 'not answered'
  return { state: 'failed', what: `${what}: ${how}; ${result.advice}` }
}

const MARKS = { ok: ['green', '✓'], failed: ['red', '✗'], skipped: ['yellow', '·'] } as const

function print(reports: readonly Report[], { stdout, colour }: CommandContext): void {
  const paint = painter(colour)
  if (reports.length === 0) stdout.write('federated with nobody\n')
  for (const { direction, issuer, label, findings } of reports) {
    const head = direction === 'in' ? `← ${issuer} calls us` : `→ we call ${issuer} as "${label}"`
    stdout.write(`${paint('bold', head)}\n`)
    for (const { state, what } of findings) {
      const [style, mark] = MARKS[state]
      stdout.write(`  ${paint(style, mark)} ${what}\n`)
    }
  }
}

/** Checks every record and link of a file; true when nothing failed. */
export async function checkSide(side: Side, context: CommandContext): Promise<boolean> {
  const { config } = side
  const reports = await withNetworks(side, async (network) => {
    const own = network(config.issuer?.egress.allowPrivate ?? false)
    return Promise.all([
      ...config.trust.map((record) => checkRecord(record, own)),
      ...chainLinks(config).map((link) =>
        checkLink(link, side, network(link[1].egress.allowPrivate)),
      ),
    ])
  })
  const ok = reports.every(({ findings }) => findings.every(({ state }) => state !== 'failed'))
  if (context.options.has('json')) {
    context.stdout.write(`${JSON.stringify({ ok, reports }, null, 2)}\n`)
  } else print(reports, context)
  return ok
}

/** `banyan trust check`: asks the other sides whether what stands in the file works. */
export async function checkTrust(context: CommandContext): Promise<number> {
  const side = await readSide(context.args[1])
  return (await checkSide(side, context)) ? EXIT.ok : EXIT.failed
}
