import type { ExchangeLine } from '../../node/core/audit.ts'
import { SILENT, type Logger } from '../../node/core/logger.ts'

/** Everything a node logs, for what must and must not be there. */
export class Records {
  readonly audit: ExchangeLine[] = []
  text = ''

  /** Forgets what was logged so far. */
  clear(): void {
    this.audit.length = 0
    this.text = ''
  }

  get log(): Logger {
    const write = (facts: Readonly<Record<string, unknown>>, message: string): void => {
      this.text += `${message} ${JSON.stringify(facts)}\n`
      if ('audit' in facts) this.audit.push(facts['audit'] as ExchangeLine)
    }
    return { ...SILENT, debug: write, info: write, warn: write, error: write }
  }
}
