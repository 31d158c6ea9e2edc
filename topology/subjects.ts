import { isNodeId, type NodeId } from '../protocol/federation.ts'
import { isOrganisation } from './record.ts'

/**
 * Subjects of the bus, version 1. Organisations and node ids have no character that means something in a subject, so
 * nothing can smuggle a `.`, `*` or `>`.
 */

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

/** The permissions of a node: it speaks for itself, hears its organisation, and nobody else reads its replies. */
export function permissionsOf(organisation: string, id: NodeId): NatsPermissions {
  const sync = syncSubject(organisation)
  return {
    publish: { allow: [recordSubject(organisation, id), sync] },
    subscribe: {
      allow: [recordSubjects(organisation), sync, `${sync} ${SYNC_QUEUE}`, `${inboxPrefix(id)}.>`],
    },
    allow_responses: true,
  }
}

function prefix(organisation: string): string {
  if (!isOrganisation(organisation)) throw new RangeError('not the id of an organisation')
  return `banyan.v1.${organisation}`
}
