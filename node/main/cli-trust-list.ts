import { present } from '../../protocol/token/fields.ts'
import { explainIdentity, explainPassing, type TrustReport } from '../control/check-identity.ts'
import { EXIT, type CommandContext } from './cli-command.ts'
import { chainLinks, ownThumbprints, readSide, urlOfLink } from './trust-file.ts'

interface LinkReport {
  readonly label: string
  readonly url: string
  readonly issuer: string
  readonly scopes: Readonly<Record<string, readonly string[]>>
}

function callersLine({ issuer, resources, scopes, notAfter, transit }: TrustReport): string {
  const end = notAfter === undefined ? '' : `, until ${notAfter}`
  const others = transit.length === 0 ? '' : `, also for people of ${transit.join(', ')}`
  return `  ← ${issuer}  may call ${resources.join(', ')} for ${scopes.join(', ')}${others}${end}\n`
}

function linkLine({ label, url, issuer, scopes }: LinkReport): string {
  const passed = Object.entries(scopes).map(([ours, theirs]) =>
    theirs.length === 1 && theirs[0] === ours ? ours : `${ours}=${theirs.join('+')}`,
  )
  return `  → ${issuer}  we call ${url} as "${label}", passing on ${passed.join(', ')}\n`
}

/** `banyan trust list`: whom the file trusts, whom it calls, and what the other side is to compare. */
export async function listTrust({ args, options, stdout }: CommandContext): Promise<number> {
  const side = await readSide(args[1])
  const { config, base, issuer, client } = side
  const keys = await ownThumbprints(side)
  const { trust } = explainIdentity(config, base)
  const server = config.issuer?.mode === 'external' ? config.issuer.url : undefined
  const links = chainLinks(config).map(([label, upstream]): LinkReport => {
    const { scopes = {} } = explainPassing(upstream.auth, { config, url: base })
    return { label, url: urlOfLink(upstream), issuer: upstream.auth.issuer, scopes }
  })
  if (options.has('json')) {
    const own = { issuer, client, ...present({ keys, server }) }
    stdout.write(`${JSON.stringify({ own, trust, links }, null, 2)}\n`)
    return EXIT.ok
  }
  stdout.write(`issuer ${issuer}\nclient ${client}\n`)
  if (server !== undefined)
    stdout.write(`server ${server}, which makes the tokens for calls to us\n`)
  for (const key of keys ?? []) stdout.write(`key    ${key}\n`)
  stdout.write(trust.length + links.length === 0 ? 'federated with nobody\n' : '')
  for (const record of trust) stdout.write(callersLine(record))
  for (const link of links) stdout.write(linkLine(link))
  return EXIT.ok
}
