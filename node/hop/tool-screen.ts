import { setImmediate } from 'node:timers/promises'
import { Fault } from '../../protocol/errors.ts'
import { memberOf, members } from '../../protocol/json-bytes.ts'
import { readValue } from '../../protocol/json-value.ts'
import { insertMembers, splice } from '../../protocol/json-edit.ts'
import type { Dropped, Listed } from '../../protocol/listing.ts'
import { META } from '../../protocol/meta.ts'
import { changeMeta, type MetaChanges } from '../../protocol/meta-edit.ts'
import {
  descriptorDigests,
  type DescriptorDigests,
} from '../../protocol/provenance/descriptor-form.ts'
import {
  explainVerdict,
  UNREADABLE,
  UNSIGNED,
  type Verdict,
} from '../../protocol/provenance/verdict.ts'
import type { NodeId } from '../../protocol/federation.ts'
import type { Proving, StatementChecker, StatementSigner } from '../core/provenance.ts'
import type { ProofLedger } from './proofs.ts'
import type { PinState, ToolPins } from './tool-pins.ts'

/** What is held against the descriptions of tools of one upstream. */
export interface ToolScreenOptions {
  /** Undefined: nothing is signed or checked. */
  readonly descriptors: Proving | undefined
  /** Undefined: nothing is pinned. */
  readonly pins: ToolPins | undefined
  /** What this node says of tools of the upstream, if it is a server. */
  readonly origin: {
    readonly organisation: string
    readonly node: NodeId
    /** Label of the upstream. */
    readonly source: string
    /** Those of this node that the upstream feeds. */
    readonly namespaces: readonly string[]
  }
  readonly ledger: ProofLedger
}

/** What of a list may be shown. */
export interface Screened {
  readonly items: readonly Listed[]
  readonly dropped: readonly Dropped[]
  /** Keys of signers could not be had: another look is worth while soon. */
  readonly incomplete: boolean
}

/** Tools between two turns of the loop: a signature takes about a tenth of a millisecond. */
const AT_A_TIME = 32

interface Signature {
  readonly keyId: string
  readonly digests: DescriptorDigests
  readonly text: string
}

/** What became of one tool. */
interface Outcome {
  readonly changes: MetaChanges
  /** Why it is left out; undefined when it is not. */
  readonly reason?: string
  readonly incomplete?: boolean
}

/**
 * Looks at the tools an upstream lists before anybody else does: signs their descriptions, or holds them against what
 * their origins signed and what the operator pinned. What does not pass is as if it were not there.
 */
export class ToolScreen {
  readonly #options: ToolScreenOptions
  /** Kept, because a signature is another one each time, and the list would seem to change with it. */
  #signatures = new Map<string, Signature>()

  constructor(options: ToolScreenOptions) {
    this.#options = options
  }

  /** The key descriptions are signed with now; undefined where none are. */
  get keyId(): string | undefined {
    const { descriptors } = this.#options
    return descriptors?.mode === 'attach' ? descriptors.signer.keyId : undefined
  }

  /** Whether the operator has pinned something else since tools were last looked at. Never rejects. */
  async pinsChanged(): Promise<boolean> {
    return (await this.#options.pins?.changed()) === true
  }

  async screen(tools: readonly Listed[]): Promise<Screened> {
    const { pins } = this.#options
    const pinned = await pins?.pinned()
    const items: Listed[] = []
    const dropped: Dropped[] = []
    let incomplete = false
    for (const [index, tool] of tools.entries()) {
      if (index % AT_A_TIME === AT_A_TIME - 1) await setImmediate()
      const outcome = await this.#outcome(tool, pinned)
      incomplete ||= outcome.incomplete === true
      if (outcome.reason === undefined) items.push(withMeta(tool, outcome.changes))
      else dropped.push({ name: tool.name, reason: outcome.reason })
    }
    const names = new Set(tools.map(({ name }) => name))
    for (const name of this.#signatures.keys()) if (!names.has(name)) this.#signatures.delete(name)
    return { items, dropped, incomplete }
  }

  async #outcome(tool: Listed, pinned: ReadonlyMap<string, string> | undefined): Promise<Outcome> {
    const { descriptors, pins } = this.#options
    const judged = pinned === undefined ? undefined : pins?.judge(tool, pinned)
    if (judged !== undefined && judged.state !== 'same' && pins?.mode === 'refuse') {
      return { changes: [], reason: judged.reason }
    }
    const pin = judged?.state
    if (descriptors?.mode === 'attach') {
      const signed = this.#sign(tool, descriptors.signer)
      const own = [META.provenance, signed] as const
      return { changes: [own, ...flagOf(undefined, pin)] }
    }
    if (descriptors === undefined) return { changes: flagOf(undefined, pin) }
    const verdict = await verdictOn(tool, descriptors.checker)
    const blocked = descriptors.mode === 'require' && verdict.verdict !== 'verified'
    this.#note(tool, verdict, blocked)
    if (!blocked) return { changes: flagOf(verdict, pin) }
    const incomplete = verdict.verdict === 'unavailable'
    return { changes: [], reason: explainVerdict(verdict), incomplete }
  }

  #note(tool: Listed, verdict: Verdict, blocked: boolean): void {
    const { ledger, origin } = this.#options
    const id = tool.origin?.id ?? { ...origin, namespace: '', name: tool.name }
    ledger.judged('description', { id, name: tool.name }, verdict, blocked)
  }

  /** JSON text of the signature; undefined when there can be none. */
  #sign(tool: Listed, signer: StatementSigner): string | undefined {
    const { origin, ledger } = this.#options
    const { organisation, node, source, namespaces } = origin
    if (namespaces.length === 0) return undefined
    try {
      const digests = descriptorDigests(tool)
      const { keyId } = signer
      const known = this.#signatures.get(tool.name)
      if (known?.keyId === keyId && isSame(known.digests, digests)) return known.text
      const statement = {
        tool: { organisation, node, name: tool.name },
        namespaces,
        source,
        digests,
      }
      const text = JSON.stringify(signer.descriptor(statement))
      this.#signatures.set(tool.name, { keyId, digests, text })
      return text
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      const id = { organisation, node, namespace: namespaces[0] ?? '', name: tool.name }
      ledger.unsignable('description', { id, name: tool.name })
      return undefined
    }
  }
}

function isSame(a: DescriptorDigests, b: DescriptorDigests): boolean {
  return a.whole === b.whole && a.withoutOutput === b.withoutOutput
}

/** What `_meta` of a tool says of it; a word on that from somebody else is taken out. */
function flagOf(verdict: Verdict | undefined, pin: PinState | undefined): MetaChanges {
  const flagged = pin !== undefined && pin !== 'same'
  if (verdict === undefined && !flagged) return pin === undefined ? [] : [[META.verdict, undefined]]
  return [[META.verdict, JSON.stringify({ ...verdict, ...(flagged && { pin }) })]]
}

function verdictOn(listed: Listed, checker: StatementChecker): Verdict | Promise<Verdict> {
  const { origin, text } = listed
  // Who it is of is not said, so nobody can have vouched for it.
  if (origin === undefined) return UNSIGNED
  const meta = memberOf(members(text, 0, undefined, META_ONLY), '_meta')
  const place = memberOf(meta?.inside ?? [], META.provenance)
  if (place === undefined) return UNSIGNED
  const { id, source } = origin
  try {
    const signed = readValue(text, place)
    return checker.descriptor(signed, { listed, home: { ...id, source }, name: id.name })
  } catch {
    return UNREADABLE
  }
}

const META_ONLY: ReadonlySet<string> = new Set(['_meta'])

function withMeta(listed: Listed, changes: MetaChanges): Listed {
  const { text } = listed
  const meta = memberOf(members(text, 0, undefined, META_ONLY), '_meta')
  const has = (key: string): boolean => memberOf(meta?.inside ?? [], key) !== undefined
  const wanted = changes.filter(([key, value]) => value !== undefined || has(key))
  if (wanted.length === 0) return listed
  const { edits, member } = changeMeta(text, meta, wanted)
  const whole = member === undefined ? edits : [insertMembers(text, 0, member)]
  return { ...listed, text: splice(text, whole) }
}
