import type { ConfigProblem } from './config-error.ts'
import { isLoopback } from './config-fields.ts'
import type { ConfigOutline } from './config-outline.ts'
import type { NodeConfig } from './config-types.ts'

/** Who may reach the admin listener, and where it may be. */
export function adminChecks({ admin, node }: ConfigOutline): readonly ConfigProblem[] {
  if (admin === undefined) return []
  const { listen, auth, keys } = admin
  const problems: ConfigProblem[] = []
  if (listen.port !== 0 && listen.port === node?.listen.port) {
    const message = 'is the port of node.listen: operators ask at a port of their own'
    problems.push({ path: ['admin', 'listen'], message })
  }
  if (auth === 'none' && !isLoopback(listen.host)) {
    const hint = 'listen on 127.0.0.1, [::1] or localhost, or add keys'
    const message = 'none is only for loopback'
    problems.push({ path: ['admin', 'auth'], message, hint })
  }
  if (auth === 'none' && keys.length > 0) {
    const message = 'nobody is asked for a key while auth is none'
    problems.push({ path: ['admin', 'keys'], message })
  }
  if (auth === 'keys' && keys.length === 0) {
    const hint = '"banyan token key --admin --name ops" makes one'
    problems.push({ path: ['admin', 'keys'], message: 'there is none, so nobody could ask', hint })
  }
  return problems
}

/** What of the admin listener is allowed but probably not meant. */
export function adminWarnings({ admin }: NodeConfig, now: number): readonly ConfigProblem[] {
  if (admin === undefined) return []
  const { listen, tls, auth, write, keys } = admin
  const warnings: ConfigProblem[] = []
  if (tls === undefined && !isLoopback(listen.host)) {
    const hint = 'set admin.tls, or see to it that only a proxy in front reaches it'
    const message = 'plain http on the network: keys of operators can be read on the way'
    warnings.push({ path: ['admin', 'listen'], message, hint })
  }
  if (auth === 'none' && write) {
    const message = 'every program of this machine may reload and drain the node'
    warnings.push({ path: ['admin', 'write'], message })
  }
  keys.forEach(({ notAfter }, i) => {
    if (notAfter === undefined || notAfter >= now) return
    warnings.push({
      path: ['admin', 'keys', i, 'notAfter'],
      message: 'is over: the key opens nothing',
    })
  })
  return warnings
}
