import { hash } from 'node:crypto'
import type { AuditRecord } from './audit-record.ts'

/** `prev` of a line that nothing stands before. */
export const CHAIN_START = ''

/** A line as it is written: `prev` is the hash of the one before. */
export type AuditLine = AuditRecord & { readonly prev: string }

/** SHA-256 of the text of a line, without its end, base64url. */
export function lineHash(text: string): string {
  return hash('sha256', text, 'base64url')
}

/** The text of a line. `record` is JSON text of an object that is not empty. */
export function chained(record: string, prev: string): string {
  return `${record.slice(0, -1)},"prev":"${prev}"}`
}

/** Whether a value is a line of the audit, as far as a reader relies on it. */
export function isAuditLine(value: unknown): value is AuditLine {
  if (typeof value !== 'object' || value === null) return false
  const { ts, node, kind, decision, prev } = value as Partial<Record<keyof AuditLine, unknown>>
  return [ts, node, kind, decision, prev].every((member) => typeof member === 'string')
}
