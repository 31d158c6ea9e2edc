import { z } from 'zod'
import {
  readArrow,
  readDuration,
  readPause,
  readRate,
  readShare,
  readShift,
  type Pause,
} from './units.ts'

type Reader<T> = (text: string) => T | undefined

/** A text that stands for something else; the message says how it is written. */
function written<T>(read: Reader<T>, message: string): z.ZodType<T, string> {
  return z.string().transform((text, context) => {
    const value = read(text)
    if (value !== undefined) return value
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
}

export const duration: z.ZodType<number, string> = written(
  readDuration,
  'is no duration: write a number and ms, s, m, h or d, like "3s"',
)
export const shift: z.ZodType<number, string> = written(
  readShift,
  'is no shift: write a duration with its sign, like "+5m"',
)
export const pause: z.ZodType<Pause, string> = written(
  readPause,
  'is no pause: write a duration, like "30s", or "exp(30s)" for a random one',
)
export const rate: z.ZodType<number, string> = written(
  readRate,
  'is no rate: write like "5/s" or "30/m"',
)
export const arrow: z.ZodType<{ readonly from: string; readonly to: string }, string> = written(
  readArrow,
  'is no link: write "a->b", where a uses b',
)
const percent = written(readShare, 'is no share: write like "1%" or 0.01')
export const share: z.ZodType<number, string | number> = z.union([
  percent,
  z.number().min(0).max(1),
])

export const ID: RegExp = /^[A-Za-z0-9_-]{1,64}$/
export const id: z.ZodType<string, string> = z
  .string()
  .regex(ID, 'must be 1 to 64 letters, digits, "-" or "_"')
/** Globs, tags, names of namespaces. */
export const word: z.ZodType<string, string> = z
  .string()
  .regex(/^[^\s]{1,128}$/, 'must be 1 to 128 characters without a space')
export const words: z.ZodType<string[], string[]> = z.array(word).min(1).max(256)

/** A whole number. */
export function whole(min: number, max: number): z.ZodType<number, number> {
  return z.number().int().min(min).max(max)
}
