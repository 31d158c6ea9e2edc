import { hash, type KeyObject } from 'node:crypto'
import { MAX_RECORD_CHARS, readRecord, recordClaims, type NodeRecord } from './record.ts'
import { openStatement, textSigner } from './signed-text.ts'

/** A record and the text it is proved by, which is what is stored and passed on. */
export interface SignedRecord {
  readonly record: NodeRecord
  /** Compact JWS (RFC 7515), EdDSA. */
  readonly text: string
  /** SHA-256 of the text, base64url: two records of one version are the same exactly if these are. */
  readonly digest: string
}

/** Makes records of one node. */
export type SealRecord = (record: NodeRecord) => SignedRecord
/** Reads a record and verifies it; undefined when it is none, or not signed by the key that its id is the thumbprint of. */
export type OpenRecord = (text: string) => SignedRecord | undefined

export const RECORD_TYP = 'banyan-rec+jwt'

/** The digest records are told apart by. */
export function recordDigest(text: string): string {
  return hash('sha256', text, 'base64url')
}

/**
 * Signs records with a node's key; whether the key is a member's is another question.
 *
 * @param key Ed25519, private; the id of its records must be its thumbprint (RFC 7638)
 */
export function recordSealer(key: KeyObject): SealRecord {
  const sign = textSigner(key, RECORD_TYP)
  return (record) => {
    const text = sign(recordClaims(record))
    return { record, text, digest: recordDigest(text) }
  }
}

/** {@link OpenRecord} for records of real keys. */
export function openRecord(text: string): SignedRecord | undefined {
  const statement = openStatement(text, RECORD_TYP, MAX_RECORD_CHARS)
  const record = readRecord(statement?.claims)
  if (record === undefined || record.id !== statement?.signer) return undefined
  return { record, text, digest: recordDigest(text) }
}
