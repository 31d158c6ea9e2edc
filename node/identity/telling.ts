import type { Disclosure } from '../../protocol/token/act.ts'
import type { FormParameters } from '../../protocol/token/form.ts'
import { refusal } from '../../protocol/token/refusals.ts'

/** What the other side of a link learns of a caller, and of who acted before. */
export interface Telling {
  readonly subject: 'pairwise' | 'public'
  readonly disclose: Disclosure
}

/** Within an organisation nothing is hidden. */
export const TELL_ALL: Telling = { subject: 'public', disclose: 'full' }

/** Where nothing is said of a link to another organisation. */
export const PSEUDONYMS: Telling = { subject: 'pairwise', disclose: 'full' }

const SUBJECTS: readonly Telling['subject'][] = ['pairwise', 'public']

/** From the one that tells most to the one that tells least. */
const DISCLOSURES: readonly Disclosure[] = ['full', 'self', 'hashed']

/** What both allow: no more than either. */
export function tellLess(one: Telling, other: Telling): Telling {
  const isPublic = one.subject === 'public' && other.subject === 'public'
  const tellsMore = DISCLOSURES.indexOf(one.disclose) < DISCLOSURES.indexOf(other.disclose)
  return {
    subject: isPublic ? 'public' : 'pairwise',
    disclose: tellsMore ? other.disclose : one.disclose,
  }
}

/**
 * Parameters of a token request that say what a grant may tell at most; a node of the organisation understands them, and
 * no RFC has any for it.
 */
const PARAMETERS = { subject: 'mesh_subject', disclose: 'mesh_disclose' } as const

/** As parameters of a token request. */
export function writeTelling({ subject, disclose }: Telling): [name: string, value: string][] {
  return [
    [PARAMETERS.subject, subject],
    [PARAMETERS.disclose, disclose],
  ]
}

/** What a token request says; what it leaves out is as where nothing is said. @throws OAuthFault `invalid_request` */
export function readTelling(form: FormParameters): Telling {
  return {
    subject: oneOf(SUBJECTS, form.get(PARAMETERS.subject) ?? PSEUDONYMS.subject),
    disclose: oneOf(DISCLOSURES, form.get(PARAMETERS.disclose) ?? PSEUDONYMS.disclose),
  }
}

function oneOf<Value extends string>(values: readonly Value[], text: string): Value {
  const found = values.find((value) => value === text)
  if (found !== undefined) return found
  throw refusal('invalid_request', 'claims', 'what the grant may tell is not to be understood')
}
