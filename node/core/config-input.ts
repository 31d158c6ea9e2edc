import type {
  EndpointAuthInput,
  EgressInput,
  IssuerInput,
  NodeClientInput,
  ProvenanceInput,
  TrustInput,
  UpstreamAuthInput,
  WorkloadInput,
} from './config-identity-input.ts'
import type { EraChoice, Isolation } from './config-types.ts'
import type { LimitName } from './config-limits.ts'
import type { Secret } from './secret.ts'

/** A duration such as `250ms`, `30s`, `5m`, `24h`. */
export type DurationInput = string

/** Text in which `${NAME}` is replaced from the environment, or a secret that is complete. */
export type SecretInput = string | Secret

/** {@link NodeConfigInput} `node`. */
export interface NodeSettingsInput {
  readonly name: string
  readonly organisation: string
  readonly listen?: string
  readonly url?: string
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string }
  readonly state?: string
  readonly sessionKey?: SecretInput
  readonly allowedHosts?: readonly string[]
  readonly allowedOrigins?: readonly string[]
  readonly pins?: string
}

/** {@link UpstreamInput} `stdio`. */
export interface StdioInput {
  readonly command: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, SecretInput>>
  readonly cwd?: string
  readonly restart?: { readonly min?: DurationInput; readonly max?: DurationInput }
  readonly startTimeout?: DurationInput
  readonly stopGrace?: DurationInput
}

/** One upstream as it is written: exactly one of `stdio`, `http` and `node`. */
export interface UpstreamInput {
  readonly stdio?: StdioInput
  readonly http?: { readonly url: string; readonly headers?: Readonly<Record<string, SecretInput>> }
  readonly node?: {
    /** This, or `id` or `name` with `endpoint`. */
    readonly url?: string
    readonly id?: string
    readonly name?: string
    readonly endpoint?: string
    readonly urls?: readonly string[]
    readonly import?: readonly string[]
    readonly as?: string
  }
  /** Only with `http` and `node`, as is `egress`. */
  readonly auth?: UpstreamAuthInput
  readonly egress?: EgressInput
  readonly provenance?: ProvenanceInput
  readonly timeout?: DurationInput
  readonly maxTimeout?: DurationInput
  readonly listTtl?: DurationInput
  readonly isolate?: Isolation
  readonly era?: EraChoice
  readonly concurrency?: number
}

/** {@link EndpointInput} `card`. */
export interface EndpointCardInput {
  readonly name: string
  readonly description: string
  readonly websiteUrl?: string
}

/** One endpoint as it is written. */
export interface EndpointInput {
  readonly namespaces: readonly string[]
  readonly names?: 'prefixed' | 'plain'
  readonly nameLength?: number
  readonly pageSize?: number
  readonly tools?: 'list' | 'search' | { readonly search: true; readonly listed: readonly string[] }
  readonly title?: string
  readonly instructions?: string
  readonly card?: EndpointCardInput
  readonly auth?: 'none' | EndpointAuthInput
  readonly explainTo?: readonly string[]
}

/** {@link NodeConfigInput} `audit`. */
export interface AuditInput {
  readonly file?: string
  readonly arguments?: 'none' | 'digest'
  readonly refusalsPerSecond?: number
  readonly maxBytes?: number | string
  readonly bufferBytes?: number | string
}

/** {@link NodeConfigInput} `admin`. */
export interface AdminInput {
  readonly listen?: string
  readonly auth?: 'keys' | 'none'
  readonly keys?: readonly {
    readonly name: string
    readonly hash: string
    readonly readOnly?: boolean
    readonly notAfter?: string
  }[]
  readonly write?: boolean
  readonly allowedHosts?: readonly string[]
  readonly tls?: { readonly cert: string; readonly key: string }
}

type OneOrMore<T> = T | readonly T[]

/** One way to be in a class of {@link NodeConfigInput} `clients`. */
export interface ClassInput {
  readonly issuer?: string
  readonly subjects?: OneOrMore<string>
  readonly clients?: OneOrMore<string>
  readonly claims?: Readonly<Record<string, OneOrMore<string | number | boolean>>>
  /** With nothing else. */
  readonly keys?: OneOrMore<string>
}

/** Annotations of a tool. */
interface HintsInput {
  readonly readOnly?: boolean
  readonly destructive?: boolean
  readonly idempotent?: boolean
  readonly openWorld?: boolean
}

type SelectorInput = string | (HintsInput & { readonly name?: string; readonly tag?: string })

type LevelInput<Pattern> =
  readonly Pattern[] | { readonly allow?: readonly Pattern[]; readonly deny?: readonly Pattern[] }

/** One rule of {@link NodeConfigInput} `visibility`. */
export interface RuleInput {
  readonly for: OneOrMore<string>
  readonly endpoints?: LevelInput<string>
  readonly namespaces?: LevelInput<string>
  readonly tools?: LevelInput<SelectorInput>
  readonly prompts?: LevelInput<SelectorInput>
  readonly resources?: LevelInput<SelectorInput>
}

type ExampleInput =
  | string
  | (HintsInput & {
      readonly tool?: string
      readonly prompt?: string
      readonly resource?: string
    })

/** One entry of {@link NodeConfigInput} `expect`. */
export interface ExpectationInput {
  readonly for: OneOrMore<string>
  readonly endpoint: string
  readonly sees?: readonly ExampleInput[]
  readonly hides?: readonly ExampleInput[]
}

/** One of {@link NodeConfigInput} `quotas`. */
export interface QuotaInput {
  readonly for: OneOrMore<string>
  readonly endpoints?: readonly string[]
  readonly methods?: readonly string[]
  readonly tools?: readonly SelectorInput[]
  readonly prompts?: readonly SelectorInput[]
  readonly resources?: readonly SelectorInput[]
  readonly per?: 'caller' | 'all'
  readonly rate?: string
  readonly burst?: number
  readonly concurrent?: number
}

/** {@link NodeConfigInput} `gossip`. */
export interface GossipInput {
  readonly nats?: OneOrMore<string>
  readonly credentials?: {
    readonly nkey?: SecretInput
    readonly creds?: string
    readonly user?: string
    readonly password?: SecretInput
    readonly token?: SecretInput
  }
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  readonly members?:
    | 'first-use'
    | readonly (string | { readonly id: string; readonly name: string })[]
    | { readonly issuer: readonly Readonly<Record<string, unknown>>[] }
  readonly membership?: string
  readonly disclose?: 'full' | 'digest' | 'none'
  readonly imports?: readonly {
    readonly from?: string
    readonly peer?: string
    readonly namespaces?: readonly string[]
    readonly tags?: readonly string[]
    readonly preference?: number
    readonly deny?: boolean
    readonly behind?: readonly string[]
  }[]
  readonly exports?: readonly {
    readonly to?: string
    readonly namespaces?: readonly string[]
    readonly tags?: readonly string[]
    readonly allow?: boolean
    readonly transit?: boolean
  }[]
  readonly links?: Readonly<Record<string, number>>
  readonly cost?: number
  readonly leave?: boolean
}

/** {@link NodeConfigInput} `telemetry`. */
export interface TelemetryInput {
  readonly otlp: {
    readonly url: string
    readonly headers?: Readonly<Record<string, SecretInput>>
    readonly timeout?: DurationInput
  }
  readonly sample?: number
  readonly tracesPerSecond?: number
}

/** A configuration as it is written, in a file or in code. Meanings, units and defaults are in `banyan.schema.json`. */
export interface NodeConfigInput {
  readonly node: NodeSettingsInput
  readonly limits?: Readonly<Partial<Record<LimitName, number | string>>>
  readonly issuer?: IssuerInput
  readonly nodes?: readonly NodeClientInput[]
  readonly workloads?: readonly WorkloadInput[]
  readonly trust?: readonly TrustInput[]
  readonly upstreams?: Readonly<Record<string, UpstreamInput>>
  readonly namespaces?: Readonly<Record<string, { readonly from: readonly string[] }>>
  readonly endpoints?: Readonly<Record<string, EndpointInput>>
  readonly clients?: Readonly<Record<string, ClassInput | readonly ClassInput[]>>
  readonly tags?: Readonly<Record<string, readonly string[]>>
  readonly visibility?: 'open' | readonly RuleInput[]
  readonly expect?: readonly ExpectationInput[]
  readonly quotas?: Readonly<Record<string, QuotaInput>>
  readonly audit?: 'off' | AuditInput
  readonly admin?: AdminInput
  readonly gossip?: GossipInput
  readonly telemetry?: TelemetryInput
}
