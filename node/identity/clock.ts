/**
 * The time in seconds since 1970, with fractions: the unit of every time in a token (RFC 7519 NumericDate), so that
 * nothing in this folder converts.
 */
export type Clock = () => number

/** The clock of the machine. */
export const systemClock: Clock = () => Date.now() / 1_000
