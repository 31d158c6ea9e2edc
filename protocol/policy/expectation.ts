/** Examples a policy must agree with, written beside it. */

import { explainPolicy, type Verdict } from './decide.ts'
import {
  EVERYBODY,
  READING_HINTS,
  UNKNOWN_HINTS,
  type Hints,
  type Policy,
  type RuleKind,
  type Subject,
} from './policy.ts'

/** Something an example names. */
export interface Example {
  readonly kind: RuleKind
  readonly namespace: string
  readonly name: string
  readonly hints: Partial<Hints>
}

/** What callers of some classes see, and what they do not. */
export interface Expectation {
  /** Classes the caller is in, all of them; `*` for one who is in none. */
  readonly for: readonly string[]
  readonly endpoint: string
  readonly sees: readonly Example[]
  readonly hides: readonly Example[]
}

/** An example the policy decides otherwise. */
export interface Disappointment {
  readonly which: 'sees' | 'hides'
  readonly index: number
  readonly verdict: Verdict
}

const KINDS = { tools: 'tool', prompts: 'prompt', resources: 'resource' } as const

export function subjectOf({ kind, namespace, name, hints }: Example): Subject {
  const unsaid = kind === 'tools' ? UNKNOWN_HINTS : READING_HINTS
  return { kind: KINDS[kind], namespace, name, hints: { ...unsaid, ...hints } }
}

/** Holds a policy against one expectation. */
export function disappointments(
  policy: Policy,
  { for: names, endpoint, sees, hides }: Expectation,
): readonly Disappointment[] {
  const classes = new Set(names.filter((name) => name !== EVERYBODY))
  const wrong = (which: Disappointment['which'], examples: readonly Example[]): Disappointment[] =>
    examples.flatMap((example, index) => {
      const verdict = explainPolicy(policy, classes, { endpoint, subject: subjectOf(example) })
      return verdict.visible === (which === 'sees') ? [] : [{ which, index, verdict }]
    })
  return [...wrong('sees', sees), ...wrong('hides', hides)]
}
