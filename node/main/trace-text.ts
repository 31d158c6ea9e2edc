import type { AuditLine } from '../core/audit-chain.ts'
import { harmless, type Paint } from './cli-nodes.ts'
import type { Hop, Story } from './trace-story.ts'

/** A decision in colour. */
function shown(decision: string, paint: Paint): string {
  const isGood = decision === 'allowed' || decision === 'issued'
  return paint(isGood ? 'green' : 'red', decision)
}

function scopesOf(scopes: readonly string[] | undefined): string | undefined {
  if (scopes === undefined) return undefined
  return scopes.length === 0 ? 'no scope' : `scope ${scopes.join(' ')}`
}

/** Life a token had left, whole seconds. */
function lifeOf(line: AuditLine): string | undefined {
  const { exp } = line.out ?? {}
  return exp === undefined ? undefined : `lives ${Math.round(exp - Date.parse(line.ts) / 1_000)} s`
}

/** Text of others on one line. */
function oneLine(text: string): string {
  return harmless(text).replaceAll('\n', '\ufffd')
}

function join(parts: readonly (string | undefined)[]): string {
  return oneLine(parts.filter((part) => part !== undefined && part !== '').join(', '))
}

function row(name: string, text: string): string {
  return text === '' ? '' : `     ${name.padEnd(9)} ${text}\n`
}

/** Who called, as the node saw it. */
function callerOf({ in: input = {} }: AuditLine): string {
  const { subH, iss, client } = input
  const who = subH === undefined ? undefined : `subject #${subH.slice(0, 12)}`
  return join([who, iss && `of ${iss}`, client && `by ${client}`]) || 'nobody known'
}

function cameWith({ in: input = {} }: AuditLine): string {
  const { jti, aud, scope, depth, cnf } = input
  return join([
    aud && `for ${aud}`,
    scopesOf(scope),
    depth ? `${depth} ${depth === 1 ? 'actor' : 'actors'}` : undefined,
    cnf && `bound to ${cnf.slice(0, 12)}`,
    jti && `jti ${jti}`,
  ])
}

function wentWith({ out = {} }: AuditLine): string {
  const { aud, scope, jti } = out
  return jti === undefined ? '' : join([aud && `for ${aud}`, scopesOf(scope), `jti ${jti}`])
}

function tokenRow(line: AuditLine, paint: Paint): string {
  const { node, kind, decision, reason, out = {}, in: input = {} } = line
  const from = scopesOf(input.scope)
  const to = scopesOf(out.scope)
  const scopes = from === to || to === undefined ? from : `${from ?? 'no scope'} → ${to}`
  const isIssued = decision === 'issued'
  const facts = join([
    out.aud && `for ${out.aud}`,
    scopes,
    isIssued ? lifeOf(line) : undefined,
    isIssued ? out.jti && `jti ${out.jti}` : reason,
  ])
  return row('token', `${oneLine(`${node} ${kind}`)} ${shown(decision, paint)}: ${facts}`)
}

function hopText({ call, tokens }: Hop, number: number, paint: Paint): string {
  const { node, endpoint, upstream, decision, reason, ms, actors = [] } = call
  const to = upstream === undefined ? '' : ` → ${upstream}`
  const took = ms === undefined ? '' : `, ${ms} ms`
  const why = reason === undefined ? '' : `: ${reason}`
  const answer = call.error === undefined ? '' : `, answered with error ${call.error}`
  const title = oneLine(`${node} /mcp/${endpoint ?? '?'}${to}`)
  return [
    `${`${number}.`.padEnd(3)} ${paint('bold', title)}  ${shown(decision, paint)}${oneLine(why)}${answer}${took}\n`,
    row('caller', callerOf(call)),
    row('came', cameWith(call)),
    row('actors', join(actors.map((actor) => actor.split(' ').at(-1)))),
    ...tokens.map((line) => tokenRow(line, paint)),
    row('went', wentWith(call)),
  ].join('')
}

/** A call for people. Only the outermost actor of a token is vouched for; the text says what was written down. */
export function storyText({ hops, ts, decision, txn, trace, end }: Story, paint: Paint): string {
  const call = hops[0]?.call
  const what = oneLine(`${call?.method ?? 'request'} ${call?.tool ?? ''}`.trim())
  const ended =
    end === undefined ? '' : `, ended at ${oneLine(`${end.node} (${end.kind}): ${end.reason}`)}`
  const names = join([txn && `txn ${txn}`, trace && `trace ${trace}`])
  return [
    `${paint('bold', what)}  ${oneLine(ts)}  ${shown(decision, paint)}${ended}\n`,
    names === '' ? '' : `${paint('dim', names)}\n`,
    ...hops.map((hop, index) => hopText(hop, index + 1, paint)),
  ].join('')
}

/** Decisions about tokens that belong to no call. */
export function looseText(lines: readonly AuditLine[], paint: Paint): string {
  if (lines.length === 0) return ''
  const rows = lines.map((line) => `${oneLine(line.ts)} ${tokenRow(line, paint).trimStart()}`)
  return `${paint('bold', 'decisions that belong to no call here')}\n${rows.join('')}`
}
