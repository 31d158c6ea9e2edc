// The tables of the matrix: features by servers.
import { EXTRA_FEATURES, FEATURES } from './features.ts'
import type { Feature } from './scene.ts'
import { EXTRA_SERVERS, SERVERS, type ServerKind } from './servers.ts'

/** One table. */
export interface Sheet {
  /** Heading of the document, before the era of the client. */
  readonly title: string
  /** What the tests of it are called: rows of the checklist. */
  readonly rows: string
  readonly features: readonly Feature[]
  readonly servers: readonly ServerKind[]
}

/** What every server has. */
export const MAIN: Sheet = {
  title: 'Client',
  rows: 'row 8:',
  features: FEATURES,
  servers: SERVERS,
}

/** What needs a server made for it. */
export const EXTRAS: Sheet = {
  title: 'Tasks and skills, client',
  rows: 'rows 8, 58, 60:',
  features: EXTRA_FEATURES,
  servers: EXTRA_SERVERS,
}

/** All, in the order of the document. */
export const SHEETS: readonly Sheet[] = [MAIN, EXTRAS]
