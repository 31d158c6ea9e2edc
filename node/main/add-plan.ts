// What comes of what was found: an upstream, by what name, and what its user has to know.
import { basename } from 'node:path'
import type { PublishedServer } from '../../protocol/discovery/server-json.ts'
import { waysTo, type ServerWay } from '../../protocol/discovery/ways.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { Target } from './add-target.ts'
import { UsageError, type CommandContext } from './cli-command.ts'

/** What is put into the file, and what a person should know. */
export interface AddPlan {
  readonly label: string
  readonly upstream: Readonly<Record<string, unknown>>
  /** A node brings its own namespaces. */
  readonly isNode: boolean
  readonly told: readonly string[]
  readonly environment: ServerWay['environment']
}

/** @throws UsageError where something is missing, or the label is taken; Error where there is no way */
export function planFor(
  target: Target,
  context: CommandContext,
  current: NodeConfig | undefined,
): AddPlan {
  const label = (fallback: string): string => labelFor(fallback, context, current)
  if (target.kind === 'command') {
    const { command, args } = target
    const said = args.findLast((word) => /^[@a-zA-Z]/.test(word)) ?? command
    const told = [`runs ${[command, ...args].join(' ')}`]
    return {
      label: label(basename(said)),
      upstream: { stdio: { command, args } },
      isNode: false,
      told,
      environment: [],
    }
  }
  if (target.kind === 'url') return planUrl(target, label(hostLabel(target.url)))
  return planPublished(target.server, label(target.server.name.split('/')[1] ?? ''), context)
}

function planUrl({ url, answers }: Extract<Target, { kind: 'url' }>, label: string): AddPlan {
  const isNode = answers === 'node'
  const said = {
    node: 'is another node: its namespaces are imported',
    server: 'is a server',
    nothing: 'does not answer now: taken for a server (--node if it is another node)',
  }
  return {
    label,
    upstream: isNode ? { node: { url } } : { http: { url } },
    isNode,
    told: [`${url} ${said[answers]}`],
    environment: [],
  }
}

function planPublished(
  server: PublishedServer,
  label: string,
  { options }: CommandContext,
): AddPlan {
  const given = new Map(options.texts('set').map(assignment))
  const { ways, not } = waysTo(server, given, label)
  const wanted = options.text('use')
  const way = ways.find(({ kind }) => wanted === undefined || kind === wanted)
  if (way === undefined) {
    const known = ways.map(({ kind, says }) => `\n  --use ${kind}: ${says}`)
    const why = not.map((one) => `\n  ${one.kind}: ${one.why}`)
    throw new Error(
      `${server.name}: no ${wanted ?? 'usable'} way to it${[...known, ...why].join('')}`,
    )
  }
  if (way.missing.length > 0) {
    const needs = way.missing.map(
      ({ name, description = 'no word about it' }) => `\n  --set ${name}=…   ${description}`,
    )
    throw new UsageError(`${server.name} asks for values:${needs.join('')}`)
  }
  const others = ways
    .filter((one) => one !== way)
    .map(({ kind, says }) => `or --use ${kind}: ${says}`)
  const version = server.version === undefined ? '' : ` ${server.version}`
  const runs = way.kind === 'remote' ? way.says : `runs ${way.says}`
  return {
    label,
    upstream: way.upstream,
    isNode: false,
    told: [`${server.name}${version}: ${server.description ?? ''}`, runs, ...others],
    environment: way.environment,
  }
}

function assignment(text: string): readonly [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--set ${text}: must be like name=value`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** @throws UsageError for a label that is taken, or is none */
function labelFor(
  fallback: string,
  { options }: CommandContext,
  current: NodeConfig | undefined,
): string {
  const taken = new Set([
    ...Object.keys(current?.upstreams ?? {}),
    ...Object.keys(current?.namespaces ?? {}),
  ])
  const given = options.text('as')
  if (given !== undefined) {
    if (given !== slugOf(given))
      throw new UsageError(`--as ${given}: must be of a-z 0-9 and -, like weather`)
    if (taken.has(given)) throw new UsageError(`--as ${given}: there is one already`)
    return given
  }
  const base = slugOf(fallback) || 'server'
  for (let number = 1; ; number += 1) {
    const label = number === 1 ? base : `${base.slice(0, 28)}-${number}`
    if (!taken.has(label)) return label
  }
}

/** The nearest name there may be; empty where there is none. */
export function slugOf(text: string): string {
  return text
    .toLowerCase()
    .replace(/@[^/]*$/, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 32)
    .replace(/-+$/, '')
}

function hostLabel(url: string): string {
  const { hostname, pathname } = new URL(url)
  const isName = /[a-z]/i.test(hostname) && hostname !== 'localhost' && !hostname.startsWith('[')
  const parts = hostname.split('.')
  return isName
    ? (parts.at(-2) ?? parts[0] ?? '')
    : (pathname.split('/').findLast((part) => part !== '') ?? '')
}
