// People who come with an official client and log in on the way, with no word beforehand of where.
import {
  Client as ClientV2,
  DpopSession,
  StreamableHTTPClientTransport as HttpV2,
  UnauthorizedError as UnauthorizedV2,
  type ClientOptions,
  type OAuthClientProvider as ProviderV2,
} from '@modelcontextprotocol/client'
import {
  UnauthorizedError as UnauthorizedV1,
  type OAuthClientProvider as ProviderV1,
} from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Browser } from './browser.ts'

/** Where clients are called back; nobody listens there, for the browser stops before. */
export const CALLBACK = 'http://127.0.0.1:33418/callback'
const CLIENT_INFO = { name: 'guest', version: '1.0.0' }

/** What a client keeps of its person, and how it gets it: both SDKs want the same. */
class Desk {
  readonly browser: Browser
  /** Each time it was sent to log in, with what it asked for. */
  readonly asked: URL[] = []
  readonly redirectUrl = CALLBACK
  readonly clientMetadata = {
    client_name: 'guest',
    redirect_uris: [CALLBACK],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['code'],
  }
  readonly dpop: (() => Promise<DpopSession>) | undefined
  #client: unknown
  #tokens: unknown
  #verifier = ''
  #discovered: unknown
  #callback = new URLSearchParams()

  constructor(login: string, { dpop, id }: { readonly dpop: boolean; readonly id?: string }) {
    this.browser = new Browser(login)
    if (id !== undefined) this.#client = { client_id: id }
    const session = dpop ? DpopSession.create() : undefined
    this.dpop = session === undefined ? undefined : () => session
  }

  get tokens(): () => never {
    return () => this.#tokens as never
  }

  clientInformation(): never {
    return this.#client as never
  }

  saveClientInformation(client: unknown): void {
    this.#client = client
  }

  saveTokens(tokens: unknown): void {
    this.#tokens = tokens
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier
  }

  codeVerifier(): string {
    return this.#verifier
  }

  saveDiscoveryState(state: unknown): void {
    this.#discovered = state
  }

  discoveryState(): never {
    return this.#discovered as never
  }

  async redirectToAuthorization(url: URL): Promise<void> {
    this.asked.push(url)
    this.#callback = await this.browser.visit(url, CALLBACK)
  }

  /** What the last login came back with. */
  get callback(): URLSearchParams {
    return this.#callback
  }
}

/** A person with an official client. */
export interface Guest {
  /** Each authorization request, as it was sent to the browser. */
  readonly asked: readonly URL[]
  /** The forms its person sent in. */
  readonly forms: readonly string[]
  /** Type of the token it has. */
  readonly tokenType: string | undefined
  /** Calls a tool; logs in, or again for more, when told to, and then calls once more. */
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<unknown>
  close(): Promise<void>
}

interface Connected {
  readonly call: (name: string, args: Readonly<Record<string, unknown>>) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** How one client connects, and takes what a login came back with. */
interface Manner {
  readonly connect: (url: string, desk: Desk) => Promise<Connected>
  readonly finish: (url: string, desk: Desk) => Promise<void>
}

const V1: Manner = {
  connect: async (url, desk) => {
    const client = new ClientV1(CLIENT_INFO)
    await client.connect(new HttpV1(new URL(url), { authProvider: desk as unknown as ProviderV1 }))
    return {
      call: (name, args) => client.callTool({ name, arguments: args }),
      close: () => client.close(),
    }
  },
  finish: (url, desk) =>
    new HttpV1(new URL(url), { authProvider: desk as unknown as ProviderV1 }).finishAuth(
      desk.callback.get('code') ?? '',
    ),
}

function transport(url: string, desk: Desk): HttpV2 {
  return new HttpV2(new URL(url), { authProvider: desk as unknown as ProviderV2 })
}

function v2(mode: NonNullable<ClientOptions['versionNegotiation']>['mode']): Manner {
  return {
    connect: async (url, desk) => {
      const versionNegotiation = mode === undefined ? {} : { mode }
      const client = new ClientV2(CLIENT_INFO, { versionNegotiation })
      await client.connect(transport(url, desk))
      return {
        call: (name, args) => client.callTool({ name, arguments: args }),
        close: () => client.close(),
      }
    },
    finish: (url, desk) => transport(url, desk).finishAuth(desk.callback),
  }
}

/** Comes to a URL, of which it knows nothing else; with an `id` it is registered where it will log in, else it does that. */
export type Arrive = (url: string, login: string, id?: string) => Guest

function arriving({ connect, finish }: Manner, dpop = false): Arrive {
  return (url, login, id) => {
    const desk = new Desk(login, { dpop, ...(id !== undefined && { id }) })
    let connected: Connected | undefined
    const afterLogin = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof UnauthorizedV1 || error instanceof UnauthorizedV2)) throw error
        await finish(url, desk)
        return work()
      }
    }
    return {
      asked: desk.asked,
      forms: desk.browser.forms,
      get tokenType() {
        return (desk.tokens() as { readonly token_type?: string } | undefined)?.token_type
      },
      call: async (name, args) => {
        connected ??= await afterLogin(() => connect(url, desk))
        const { call } = connected
        return afterLogin(() => call(name, args))
      },
      close: async () => connected?.close(),
    }
  }
}

/** Every official client that can log in. */
export const GUESTS: readonly { readonly guest: string; readonly arrive: Arrive }[] = [
  { guest: 'SDK v1', arrive: arriving(V1) },
  { guest: 'SDK v2, 2025', arrive: arriving(v2('legacy')) },
  { guest: 'SDK v2, 2026', arrive: arriving(v2({ pin: '2026-07-28' })) },
  { guest: 'SDK v2, auto', arrive: arriving(v2('auto')) },
]

/** Those that can prove a key. */
export const PROVING: readonly { readonly guest: string; readonly arrive: Arrive }[] = [
  { guest: 'SDK v2, 2025', arrive: arriving(v2('legacy'), true) },
  { guest: 'SDK v2, 2026', arrive: arriving(v2({ pin: '2026-07-28' }), true) },
]
