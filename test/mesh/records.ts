import type { AuditLine } from '../../node/core/audit-chain.ts'
import { SILENT, type Logger } from '../../node/core/logger.ts'

/** Lines that are not about a token. */
const BESIDES: ReadonlySet<AuditLine['kind']> = new Set(['call', 'refusals', 'audit'])

/** Everything a node logs, for what must and must not be there. */
export class Records {
  readonly audit: AuditLine[] = []
  text = ''

  /** Decisions about tokens alone, in the order they were made. */
  get tokens(): readonly AuditLine[] {
    return this.audit.filter(({ kind }) => !BESIDES.has(kind))
  }

  /** Forgets what was logged so far. */
  clear(): void {
    this.audit.length = 0
    this.text = ''
  }

  get log(): Logger {
    const write = (facts: Readonly<Record<string, unknown>>, message: string): void => {
      this.text += `${message} ${JSON.stringify(facts)}\n`
      if ('audit' in facts) this.audit.push(facts['audit'] as AuditLine)
    }
    return { ...SILENT, debug: write, info: write, warn: write, error: write }
  }
}
