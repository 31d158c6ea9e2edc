import type { AuditLine } from '../../node/core/audit-chain.ts'
import { SILENT, type Logger } from '../../node/core/logger.ts'

/** Everything a node logs, for what must and must not be there. */
export class Records {
  /** Decisions about tokens. */
  readonly audit: AuditLine[] = []
  /** Calls, also those that were refused. */
  readonly calls: AuditLine[] = []
  text = ''

  /** Forgets what was logged so far. */
  clear(): void {
    this.audit.length = 0
    this.calls.length = 0
    this.text = ''
  }

  get log(): Logger {
    const write = (facts: Readonly<Record<string, unknown>>, message: string): void => {
      this.text += `${message} ${JSON.stringify(facts)}\n`
      if ('audit' in facts) this.#take(facts['audit'] as AuditLine)
    }
    return { ...SILENT, debug: write, info: write, warn: write, error: write }
  }

  #take(line: AuditLine): void {
    if (line.kind === 'call') this.calls.push(line)
    else this.audit.push(line)
  }
}
