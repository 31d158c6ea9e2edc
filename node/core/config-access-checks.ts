import type { EndpointDraft } from './config-drafts.ts'
import type { ConfigProblem } from './config-error.ts'
import { isLoopback } from './config-fields.ts'
import { known, type ConfigOutline } from './config-outline.ts'

const TURN_ON = 'add "issuer: {}" to authenticate callers'

/** Whether an endpoint takes whoever reaches it. */
function isOpen({ auth }: EndpointDraft, issuer: ConfigOutline['issuer']): boolean {
  return auth === 'none' || (auth === undefined && issuer === 'none')
}

/** Places another machine could reach: how the problem is called, and where it stands. */
function exposures({ node }: ConfigOutline): readonly { key: 'listen' | 'url'; away: string }[] {
  if (node === undefined) return []
  const { listen, url } = node
  return [
    ...(isLoopback(listen.host)
      ? []
      : [{ key: 'listen', away: 'listen on 127.0.0.1, [::1] or localhost' } as const]),
    ...(url === undefined || isLoopback(new URL(url).hostname)
      ? []
      : [{ key: 'url', away: 'leave it out' } as const]),
  ]
}

/** Endpoints that are open by their own word: the mistake is there, unless nothing is authenticated at all. */
function checkOpen(outline: ConfigOutline): readonly ConfigProblem[] {
  const endpoints = known(outline.endpoints)
  const unread = outline.issuer === undefined || endpoints.length < outline.endpoints.size
  const open = endpoints.filter(([, endpoint]) => isOpen(endpoint, outline.issuer))
  const guarded = outline.issuer !== 'none' || open.length < endpoints.length
  if (unread || (guarded && open.length === 0)) return []
  const named = open.map(([name]) => `"${name}"`).join(', ')
  const state = guarded ? `${named} has auth "none"` : 'no authentication is configured'
  return exposures(outline).map(({ key, away }) => ({
    path: ['node', key],
    message: `only loopback is allowed while ${state}`,
    hint: guarded ? `give it auth, or ${away}` : `${TURN_ON}, or ${away}`,
  }))
}

/** Tokens name endpoints by the URL: an address of the network is not one. */
function checkUrl({ node }: ConfigOutline): readonly ConfigProblem[] {
  if (node === undefined || node.url !== undefined || isLoopback(node.listen.host)) return []
  const message = 'is missing: a node that listens beyond loopback needs it'
  return [{ path: ['node', 'url'], message, hint: 'tokens name its endpoints by it' }]
}

/** Who vouches for callers of an endpoint. */
function checkIssuers(outline: ConfigOutline): readonly ConfigProblem[] {
  const { issuer } = outline
  return known(outline.endpoints).flatMap(([name, { auth }]): ConfigProblem[] => {
    if (auth === undefined || auth === 'none' || auth.issuer !== undefined) return []
    const path = ['endpoints', name, 'auth']
    if (issuer === 'none' && auth.keys.length === 0) {
      const hint = 'add "issuer: {}" to the node, or name an issuer here'
      return [{ path, message: 'nobody vouches for its callers', hint }]
    }
    const asked = auth.introspection !== undefined
    if (!asked || issuer === undefined || (issuer !== 'none' && issuer.mode !== 'embedded'))
      return []
    const message = 'needs an issuer that is not this process'
    return [{ path: [...path, 'introspection'], message }]
  })
}

/** Who may reach the node, and who must prove what. */
export function accessChecks(outline: ConfigOutline): readonly ConfigProblem[] {
  return [...checkOpen(outline), ...checkUrl(outline), ...checkIssuers(outline)]
}
