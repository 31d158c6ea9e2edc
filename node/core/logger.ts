import { pino, stdSerializers, type Logger as Pino } from 'pino'

/** Facts of one log line; values are plain data and never secrets. */
export type LogFacts = Readonly<Record<string, unknown>>

/** What the node writes its log with. */
export interface Logger {
  debug(facts: LogFacts, message: string): void
  info(facts: LogFacts, message: string): void
  warn(facts: LogFacts, message: string): void
  error(facts: LogFacts, message: string): void
  /** Whether lines of a level are written; asked where making the facts costs too much to do it for nothing. */
  isLevelEnabled?(level: 'debug' | 'info'): boolean
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Members that may hold credentials wherever they turn up; a slip elsewhere must not reach the log. */
const REDACTED = [
  'authorization',
  'headers.authorization',
  'headers.dpop',
  'headers.cookie',
  'token',
  '*.token',
  'env',
  '*.env',
]

/** JSON lines on standard error: standard output belongs to the protocol over stdio and to the CLI's own output. */
export function createLogger(level: LogLevel, bindings: LogFacts = {}): Logger {
  // As JSON an Error is empty.
  const serializers = { cause: stdSerializers.err }
  const options = { level, base: bindings, redact: REDACTED, serializers }
  const logger: Pino = pino(options, pino.destination({ dest: 2, sync: true }))
  return logger
}

/** A logger that writes nothing. */
export const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
