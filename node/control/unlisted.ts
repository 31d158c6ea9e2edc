import { CAPABILITY_KINDS } from '../../protocol/capability.ts'
import type { Unlisted } from './explain.ts'
import type { Registry } from './registry.ts'

/** What may be the matter with a name that an endpoint does not list; it is the same for every caller. */
export function whyUnlisted(
  registry: Pick<Registry, 'catalogue' | 'upstreamStatus'>,
  endpoint: string,
  name: string,
): Unlisted {
  const { catalogue } = registry
  const views = CAPABILITY_KINDS.flatMap((kind) => catalogue.view(endpoint, kind) ?? [])
  const isNamed = (given: string): boolean => given === name || name.endsWith(`__${given}`)
  const left = views.flatMap(({ kind, problems }) =>
    problems
      .filter((problem) => isNamed(problem.name))
      .map(
        ({ upstream, reason }) => `the ${kind} of upstream "${upstream}" is left out: ${reason}`,
      ),
  )
  if (left.length > 0) return { endpoint, reasons: left }
  const feeding = new Set(catalogue.feeding(endpoint).map(({ label }) => label))
  const down = registry
    .upstreamStatus()
    .filter(({ label, phase }) => feeding.has(label) && phase !== 'up')
  const away = down.map(({ label, problem }) => {
    const why = problem === undefined ? '' : ` (${problem})`
    return `upstream "${label}" is down${why}: what it last listed is all that is known of it`
  })
  return { endpoint, reasons: ['no upstream lists it', ...away] }
}
