/** Quantities of lab files as text. Each function gives undefined for a text that is none. */

const FACTORS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const DURATION = /^([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)$/

/** `10ms`, `1.5s`, `5m` as milliseconds, rounded. */
export function readDuration(text: string): number | undefined {
  const [, count, unit = ''] = DURATION.exec(text) ?? []
  return count === undefined ? undefined : Math.round(Number(count) * (FACTORS[unit] ?? 0))
}

/** A duration with its sign, such as `+5m` or `-1h`, as milliseconds. */
export function readShift(text: string): number | undefined {
  const amount = readDuration(text.replace(/^[+-]/, ''))
  if (amount === undefined) return undefined
  return text.startsWith('-') ? -amount : amount
}

/** `1%` as 0.01. */
export function readShare(text: string): number | undefined {
  const [, percent] = /^([0-9]{1,3}(?:\.[0-9]{1,6})?)%$/.exec(text) ?? []
  const share = Number(percent) / 100
  return percent === undefined || share > 1 ? undefined : share
}

/** `5/s`, `30/m` as a number a second. */
export function readRate(text: string): number | undefined {
  const [, count, unit = ''] = /^([0-9]{1,6}(?:\.[0-9]{1,6})?)\/(s|m|h)$/.exec(text) ?? []
  if (count === undefined || Number(count) === 0) return undefined
  return (Number(count) * 1_000) / (FACTORS[unit] ?? 1)
}

/** Time between two of a kind: always the same, or exponentially distributed around its mean. */
export interface Pause {
  /** ms. */
  readonly mean: number
  readonly random: boolean
}

/** `30s` or `exp(30s)`. */
export function readPause(text: string): Pause | undefined {
  const [, inner] = /^exp\((.*)\)$/.exec(text) ?? []
  const mean = readDuration(inner ?? text)
  return mean === undefined || mean === 0 ? undefined : { mean, random: inner !== undefined }
}

const LINK = /^([A-Za-z0-9_-]{1,64}) *-> *([A-Za-z0-9_-]{1,64})$/

/** `a->b`: the first uses the second. */
export function readArrow(
  text: string,
): { readonly from: string; readonly to: string } | undefined {
  const [, from, to] = LINK.exec(text) ?? []
  return from === undefined || to === undefined ? undefined : { from, to }
}
