import type {
  DescriptorStatement,
  ExpectedResult,
  ResultStatement,
} from '../../protocol/provenance/statements.ts'
import type { Verdict } from '../../protocol/provenance/verdict.ts'
import type { Listed } from '../../protocol/listing.ts'
import type { UriHome } from '../../protocol/uris.ts'

/** Signs for what servers of this node say. At once, and never throws. */
export interface StatementSigner {
  result(statement: ResultStatement): string
  descriptor(statement: DescriptorStatement): string
  /** Which key signs now: what another one signed is signed anew. */
  readonly keyId: string
}

/** A tool as a node lists it. */
export interface ListedTool {
  readonly listed: Listed
  readonly home: UriHome
  /** Its name at home. */
  readonly name: string
}

/**
 * Holds what comes over one link against what origins signed. At once whenever their keys are at hand. Never throws, and
 * no promise rejects: that it cannot be told is a verdict too.
 */
export interface StatementChecker {
  /** @param signed what stands where the signature should: anything, also nothing */
  result(signed: unknown, expected: ExpectedResult): Verdict | Promise<Verdict>
  descriptor(signed: unknown, tool: ListedTool): Verdict | Promise<Verdict>
}

/** What is done about statements of one kind on one link. */
export type Proving =
  /** Of a server of this node: sign. */
  | { readonly mode: 'attach'; readonly signer: StatementSigner }
  /** Of another node: say what came of checking, or (`require`) let nothing through that is not verified. */
  | { readonly mode: 'verify' | 'require'; readonly checker: StatementChecker }

/** What is done for one upstream; undefined where nothing is. */
export interface Provenance {
  readonly results: Proving | undefined
  readonly descriptors: Proving | undefined
}
