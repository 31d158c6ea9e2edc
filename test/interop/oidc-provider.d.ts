// What the tests use of a package that comes without types.
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  /** Of one request, as grant types get it. */
  export interface GrantContext {
    readonly oidc: {
      readonly params: Readonly<Record<string, string | undefined>>
      readonly client: { readonly clientId: string }
    }
    body: unknown
  }

  /** Makes a token; `save` returns it in its format. */
  export interface TokenMaker {
    save(): Promise<string>
    setThumbprint(kind: 'jkt', thumbprint: string): void
    readonly expiration: number
    readonly tokenType: string
    scope: string
    resourceServer: object
  }

  export class Provider {
    constructor(issuer: string, configuration: object)
    readonly AccessToken: new (claims: object) => TokenMaker
    readonly ResourceServer: new (identifier: string, info: object) => object
    callback(): (request: IncomingMessage, response: ServerResponse) => void
    registerGrantType(
      name: string,
      handler: (context: GrantContext) => Promise<void>,
      parameters: readonly string[],
    ): void
    on(event: 'server_error', listener: (context: unknown, error: Error) => void): this
  }

  export const errors: Readonly<
    Record<
      'InvalidGrant' | 'InvalidRequest' | 'InvalidScope' | 'InvalidTarget',
      new (text?: string) => Error
    >
  >
}

declare module 'oidc-provider/lib/helpers/grants.js' {
  import type { GrantContext, Provider } from 'oidc-provider'

  /** The proof of a token request (RFC 9449 §5); undefined where there is none. */
  export function validateDpop(
    provider: Provider,
    context: GrantContext,
  ): Promise<{ readonly thumbprint: string; readonly jti: string } | undefined>
}
