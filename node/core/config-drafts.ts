import type { EndpointAuth, IssuerSettings } from './config-identity-types.ts'
import type { EndpointConfig, NodeConfig } from './config-types.ts'

type Later<T, Key extends keyof T> = Omit<T, Key> & Partial<Pick<T, Key>>

/** An issuer whose defaults that depend on other parts are not filled in. */
export type IssuerDraft = Later<IssuerSettings, 'egress'>

/** Likewise for who may call an endpoint. */
export type EndpointAuthDraft = Later<
  EndpointAuth,
  'algs' | 'types' | 'dpop' | 'dpopNonces' | 'egress'
>

/** Likewise for an endpoint. */
export type EndpointDraft = Omit<EndpointConfig, 'auth'> & {
  readonly auth?: 'none' | EndpointAuthDraft
}

/** A configuration of which each part has been checked by itself. Paths are as written. */
export type ConfigDraft = Omit<NodeConfig, 'issuer' | 'endpoints'> & {
  readonly issuer?: IssuerDraft
  readonly endpoints: Readonly<Record<string, EndpointDraft>>
}
