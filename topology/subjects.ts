import { isNodeId, type NodeId } from '../protocol/federation.ts'
import { isOrganisation } from './record.ts'

/**
 * Subjects of the bus, version 1. Organisations and node ids have no character that means something in a subject, so
 * nothing can smuggle a `.`, `*` or `>`.
 */

const BORDER = 'banyan-border.v1'
const BORDER_PULL = 'banyan-bsync.v1'

/** Where records of a node go. @throws RangeError when one of the names cannot be part of a subject */
export function recordSubject(organisation: string, id: NodeId): string {
  if (!isNodeId(id)) throw new RangeError('not a node id')
  return `${prefix(organisation)}.rec.${id}`
}

/** All records of an organisation. */
export function recordSubjects(organisation: string): string {
  return `${prefix(organisation)}.rec.*`
}

/** Where notes are compared; its members share the queue group {@link SYNC_QUEUE}. */
export function syncSubject(organisation: string): string {
  return `${prefix(organisation)}.sync`
}

export const SYNC_QUEUE = 'sync'

/** Where a border says what its organisation offers to others. */
export function summarySubject(organisation: string, border: NodeId): string {
  if (!isOrganisation(organisation)) throw new RangeError('not the id of an organisation')
  if (!isNodeId(border)) throw new RangeError('not a node id')
  return `${BORDER}.${organisation}.sum.${border}`
}

/** The summaries of all organisations that share the bus. */
export const SUMMARY_SUBJECTS = 'banyan-border.v1.*.sum.*'

/** Where the borders of an organisation are asked for their summaries; they share the queue group {@link SYNC_QUEUE}. */
export function summaryPullSubject(organisation: string): string {
  if (!isOrganisation(organisation)) throw new RangeError('not the id of an organisation')
  return `${BORDER_PULL}.${organisation}`
}

/** Who a subject of summaries names; undefined when it is none. */
export function borderOfSubject(
  subject: string,
): { readonly organisation: string; readonly border: NodeId } | undefined {
  const [, , organisation, , border] = subject.split('.')
  return isOrganisation(organisation) && isNodeId(border) ? { organisation, border } : undefined
}

/** Replies go there, so that nobody else can be allowed to read them. */
export function inboxPrefix(id: NodeId): string {
  return `_INBOX.${id}`
}

/** The node a subject of records names; undefined when it is none. */
export function nodeOfSubject(subject: string): NodeId | undefined {
  const id = subject.slice(subject.lastIndexOf('.') + 1)
  return isNodeId(id) ? id : undefined
}

/** What a NATS server is to allow a node, in the words of its configuration. */
export interface NatsPermissions {
  readonly publish: { readonly allow: readonly string[] }
  readonly subscribe: { readonly allow: readonly string[] }
  /** One reply to each request. */
  readonly allow_responses: true
}

/**
 * The permissions of a node: it speaks for itself, hears its organisation, and nobody else reads its replies.
 *
 * @param border whether it speaks for its organisation to others, too
 */
export function permissionsOf(organisation: string, id: NodeId, border = false): NatsPermissions {
  const sync = syncSubject(organisation)
  const pull = summaryPullSubject(organisation)
  const toOthers = border ? [summarySubject(organisation, id), `${BORDER_PULL}.*`] : []
  const fromOthers = border ? [SUMMARY_SUBJECTS, pull, `${pull} ${SYNC_QUEUE}`] : []
  return {
    publish: { allow: [recordSubject(organisation, id), sync, ...toOthers] },
    subscribe: {
      allow: [
        recordSubjects(organisation),
        sync,
        `${sync} ${SYNC_QUEUE}`,
        ...fromOthers,
        `${inboxPrefix(id)}.>`,
      ],
    },
    allow_responses: true,
  }
}

function prefix(organisation: string): string {
  if (!isOrganisation(organisation)) throw new RangeError('not the id of an organisation')
  return `banyan.v1.${organisation}`
}
