// The features of the matrix, each with the proof that it works against the world of the fixtures.
import { OFFER_ROWS } from './proofs-offers.ts'
import { QUESTION_ROWS } from './proofs-questions.ts'
import { SKILL_ROWS } from './proofs-skills.ts'
import { TASK_ROWS } from './proofs-tasks.ts'
import { TOOL_ROWS } from './proofs-tools.ts'
import type { Feature } from './scene.ts'

/** The rows that a client without capabilities might take another way to. */
const ALSO_UNASKED = ['subscribe', 'tools-changed', 'prompts-changed', 'resources-changed']

/** What every server has, in the order of the document. */
export const FEATURES: readonly Feature[] = [
  ...TOOL_ROWS,
  ...OFFER_ROWS,
  ...OFFER_ROWS.filter(({ id }) => ALSO_UNASKED.includes(id)).map((row) => ({
    ...row,
    id: `${row.id}-unasked`,
    title: `${row.title}, by a client that cannot be asked`,
    isUnasked: true,
  })),
  ...QUESTION_ROWS,
]

/** Tasks and skills, which need a server made for them. */
export const EXTRA_FEATURES: readonly Feature[] = [...TASK_ROWS, ...SKILL_ROWS]
