import { isUtf8 } from 'node:buffer'
import { OAuthFault } from './faults.ts'

/** Bounds of a form. */
export interface FormLimits {
  readonly bytes: number
  readonly parameters: number
}

/** For the token endpoint: two assertions of the largest size would not fit, and none comes near it. */
export const FORM_LIMITS: FormLimits = { bytes: 98_304, parameters: 32 }

/** Parameters by name; those without a value are as good as absent (RFC 6749 §3.2). */
export type FormParameters = ReadonlyMap<string, string>

/** What `application/x-www-form-urlencoded` is made of; whatever else stands there was encoded by nobody. */
const ENCODED = /^[A-Za-z0-9*\-._~!'()$/:;@,?+%=&]*$/
const BROKEN_PERCENT = /%(?![0-9A-Fa-f]{2})/

/** Whether a `Content-Type` is that of a form; a charset may be named if it is UTF-8. */
export function isFormType(value: string | undefined): boolean {
  return /^application\/x-www-form-urlencoded(?:[ \t]*;[ \t]*charset="?utf-8"?)?[ \t]*$/i.test(
    value?.trim() ?? '',
  )
}

/**
 * Reads a form so that two readers never see different parameters: each name once, percent-encoding complete, the text
 * behind it UTF-8 without control characters.
 *
 * @throws OAuthFault `invalid_request`; `invalid_target` for more than one resource or audience, which may be repeated
 *   (RFC 8693 §2.1) but of which one at a time is served
 */
export function readForm(body: Buffer, limits: FormLimits = FORM_LIMITS): FormParameters {
  if (body.length > limits.bytes) throw invalid('the form is too large')
  const text = body.toString('latin1')
  if (!ENCODED.test(text) || BROKEN_PERCENT.test(text)) throw invalid('the form is malformed')
  const form = new Map<string, string>()
  if (text === '') return form
  const pairs = text.split('&')
  if (pairs.length > limits.parameters) throw invalid('the form has too many parameters')
  const seen = new Set<string>()
  for (const pair of pairs) {
    const [name, value] = readPair(pair)
    if (seen.has(name)) throw repeated(name)
    seen.add(name)
    if (value !== '') form.set(name, value)
  }
  return form
}

function readPair(pair: string): readonly [string, string] {
  const split = pair.indexOf('=')
  if (split < 1) throw invalid('the form has a parameter without a name')
  return [decode(pair.slice(0, split)), decode(pair.slice(split + 1))]
}

/** Bytes below space, and DEL. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /[\x00-\x1f\x7f]/

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  const raw = spaced.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const bytes = Buffer.from(raw, 'latin1')
  if (!isUtf8(bytes)) throw invalid('the form is not UTF-8')
  const value = bytes.toString('utf8')
  if (CONTROL.test(value)) throw invalid('the form has a control character')
  return value
}

function repeated(name: string): OAuthFault {
  return name === 'resource' || name === 'audience'
    ? new OAuthFault('invalid_target', 'one resource and one audience at a time')
    : invalid('a parameter stands there twice')
}

function invalid(message: string): OAuthFault {
  return new OAuthFault('invalid_request', message)
}
