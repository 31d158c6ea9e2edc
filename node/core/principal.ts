/** The one verified caller of a request. */
export interface Principal {
  /** Who vouches for the caller; empty where nobody does. */
  readonly issuer: string
  readonly subject: string
  readonly clientId: string
  /** Two requests with equal keys come from the same caller; sessions and caches are bound to it. */
  readonly key: string
}

/** Whoever reaches a node that listens on loopback without authentication. */
export const LOCAL_CALLER: Principal = {
  issuer: '',
  subject: 'local',
  clientId: 'local',
  key: 'local',
}
