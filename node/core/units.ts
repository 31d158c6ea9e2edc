/** What parsing a quantity gives: its value, or what is wrong with the text and what to write instead. */
export type Quantity =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly message: string; readonly hint?: string }

/** Longest duration, ms: what a timer of Node.js can wait, about 24.8 days. */
export const MAX_DURATION: number = 2 ** 31 - 1

type Units = ReadonlyMap<string, number>

const DURATION_UNITS: Units = new Map([
  ['ms', 1],
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

const SIZE_UNITS: Units = new Map([
  ['B', 1],
  ['KiB', 1_024],
  ['MiB', 1_024 ** 2],
  ['GiB', 1_024 ** 3],
])

/** Text of a duration, as a pattern for editors. */
export const DURATION_PATTERN = '^[0-9]{1,12}(ms|s|m|h|d)$'

/** Text of a size, as a pattern for editors. */
export const SIZE_PATTERN = '^[0-9]{1,12}(B|KiB|MiB|GiB)$'

const QUANTITY = /^([0-9]{1,12})([A-Za-z]*)$/

function split(text: string): { count: number; unit: string } | undefined {
  const [, digits, unit] = QUANTITY.exec(text) ?? []
  return digits === undefined || unit === undefined ? undefined : { count: Number(digits), unit }
}

function isPlainNumber(input: unknown): input is number | string {
  return typeof input === 'number' || (typeof input === 'string' && split(input)?.unit === '')
}

/** Reads a duration such as `250ms`, `30s`, `5m`, `24h`, `7d` as milliseconds; a number without a unit is refused. */
export function parseDuration(input: unknown): Quantity {
  if (isPlainNumber(input)) {
    return {
      ok: false,
      message: 'a duration needs a unit',
      hint: `write "${input}s" or "${input}ms"`,
    }
  }
  const parts = typeof input === 'string' ? split(input) : undefined
  const factor = parts === undefined ? undefined : DURATION_UNITS.get(parts.unit)
  if (parts === undefined || factor === undefined) {
    return {
      ok: false,
      message: 'not a duration',
      hint: 'write a whole number and ms, s, m, h or d, like "30s"',
    }
  }
  const value = parts.count * factor
  if (value > MAX_DURATION) return { ok: false, message: 'longer than 24 days' }
  return { ok: true, value }
}

/** Reads a size such as `4MiB`, `64KiB`, `512B`, or a whole number of bytes, as bytes. */
export function parseSize(input: unknown): Quantity {
  const text = typeof input === 'number' ? `${input}B` : input
  const parts = typeof text === 'string' ? split(text) : undefined
  const factor = parts === undefined ? undefined : SIZE_UNITS.get(parts.unit)
  const value = (parts?.count ?? 0) * (factor ?? 0)
  if (factor === undefined || !Number.isSafeInteger(value)) {
    return {
      ok: false,
      message: 'not a size',
      hint: 'write a whole number of bytes, or one with KiB, MiB or GiB, like "4MiB"',
    }
  }
  return { ok: true, value }
}

function format(value: number, units: Units): string {
  const fitting = [...units].filter(([, factor]) => value >= factor && value % factor === 0)
  const [unit, factor] = fitting.at(-1) ?? [...units][0] ?? ['', 1]
  return `${value / factor}${unit}`
}

/** Text of a whole number of milliseconds that {@link parseDuration} reads back as the same number. */
export function formatDuration(milliseconds: number): string {
  return format(milliseconds, DURATION_UNITS)
}

/** Text of a whole number of bytes that {@link parseSize} reads back as the same number. */
export function formatSize(bytes: number): string {
  return format(bytes, SIZE_UNITS)
}
