/** Longest exponent, digits: with more, two spellings could not be compared without counting for ever. */
const MAX_EXPONENT_DIGITS = 9

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/** A number other than zero: its digits without zeros at either end, and the power of ten of the last one. */
interface Decimal {
  readonly negative: boolean
  readonly digits: string
  readonly exponent: number
}

function read(text: string): Decimal | 'zero' | undefined {
  const [, sign, whole = '', fraction = '', power = '0'] = NUMBER.exec(text) ?? []
  if (sign === undefined || /^[+-]?0*(\d*)$/.exec(power)?.[1] === undefined) return undefined
  const short = power.replace(/^([+-]?)0+(?=\d)/, '$1')
  if (short.replace(/^[+-]/, '').length > MAX_EXPONENT_DIGITS) return undefined
  const all = (whole + fraction).replace(/^0+/, '')
  const digits = all.replace(/0+$/, '')
  if (digits === '') return 'zero'
  const exponent = Number(short) - fraction.length + (all.length - digits.length)
  return { negative: sign === '-', digits, exponent }
}

function isSame(a: Decimal, b: Decimal | 'zero' | undefined): boolean {
  if (b === 'zero' || b === undefined) return false
  return a.negative === b.negative && a.digits === b.digits && a.exponent === b.exponent
}

/**
 * The one text of a JSON number. What a double can hold is written as RFC 8785 §3.2.2.3 has it; all other numbers, which
 * that RFC does not know, as their decimal digits: `-12345678901234567891`, `1e400`, `15e-401`. Numbers are equal exactly if
 * their texts are; whether zero is negative is lost, as it is there.
 *
 * @param text a number by the grammar of RFC 8259 §6
 * @returns undefined for an exponent of more than nine digits
 */
export function canonicalNumber(text: string): string | undefined {
  const value = Number(text)
  const written = String(value)
  // Nearly all numbers are written the one way already.
  if (written === text) return written
  const decimal = read(text)
  if (decimal === undefined) return undefined
  if (decimal === 'zero') return '0'
  if (Number.isFinite(value) && isSame(decimal, read(written))) return written
  const { negative, digits, exponent } = decimal
  const sign = negative ? '-' : ''
  return exponent === 0 ? `${sign}${digits}` : `${sign}${digits}e${exponent}`
}
