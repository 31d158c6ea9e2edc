// What others publish of their servers, read: `server.json` of the registry (schema of 2025-12-11) and server cards (SEP-2127),
// which are alike in what counts here.
import { z } from 'zod'
import { SERVER_NAME } from './server-card.ts'

/** Something a person may have to give. */
export interface PublishedInput {
  readonly description?: string | undefined
  readonly isRequired?: boolean | undefined
  readonly isSecret?: boolean | undefined
  readonly default?: string | undefined
  /** A template, where there are variables. */
  readonly value?: string | undefined
  readonly choices?: readonly string[] | undefined
  readonly variables?: Readonly<Record<string, PublishedInput>> | undefined
}

/** A header or a variable of the environment. */
export interface PublishedKeyValue extends PublishedInput {
  readonly name: string
}

/** A part of a command line. */
export type PublishedArgument =
  | (PublishedInput & { readonly type: 'positional'; readonly valueHint?: string | undefined })
  | (PublishedInput & { readonly type: 'named'; readonly name: string })

/** A server on the network. */
export interface PublishedRemote {
  readonly type: string
  /** A template, where there are variables. */
  readonly url: string
  readonly headers: readonly PublishedKeyValue[]
  readonly variables?: PublishedInput['variables']
}

/** A server to be run. */
export interface PublishedPackage {
  readonly registryType: string
  readonly identifier: string
  readonly version?: string | undefined
  readonly transport: { readonly type: string }
  readonly runtimeArguments: readonly PublishedArgument[]
  readonly packageArguments: readonly PublishedArgument[]
  readonly environmentVariables: readonly PublishedKeyValue[]
}

/** A server, and all ways to it. */
export interface PublishedServer {
  readonly name: string
  readonly description?: string | undefined
  readonly version?: string | undefined
  readonly remotes: readonly PublishedRemote[]
  readonly packages: readonly PublishedPackage[]
}

/** A document that is none of what it should be; the message says where. */
export class UnreadableServer extends Error {
  override readonly name = 'UnreadableServer'
}

const MOST = 100
const text = (): z.ZodString => z.string().max(2_048)
const name = (): z.ZodString => z.string().min(1).max(256)

const input: z.ZodType<PublishedInput> = z.object({
  description: text().optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
  default: text().optional(),
  value: text().optional(),
  choices: z.array(text()).max(MOST).optional(),
  // Read below where there may be any: variables have none of their own.
})
const variables = z.record(z.string(), input).optional()
const withVariables = z.intersection(input, z.object({ variables }))
const keyValue = z.intersection(withVariables, z.object({ name: name() }))
const argument = z.intersection(
  withVariables,
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('positional'), valueHint: text().optional() }),
    z.object({ type: z.literal('named'), name: name() }),
  ]),
)
const keyValues = z.array(keyValue).max(MOST).default([])
const args = z.array(argument).max(MOST).default([])

const server: z.ZodType<PublishedServer> = z.object({
  name: z.string().max(200).regex(SERVER_NAME, 'must be like com.example/weather'),
  description: text().optional(),
  version: z.string().max(255).optional(),
  remotes: z
    .array(z.object({ type: z.string(), url: text(), headers: keyValues, variables }))
    .max(MOST)
    .default([]),
  packages: z
    .array(
      z.object({
        registryType: z.string(),
        identifier: z.string().min(1).max(512),
        version: z.string().max(255).optional(),
        transport: z.object({ type: z.string() }),
        runtimeArguments: args,
        packageArguments: args,
        environmentVariables: keyValues,
      }),
    )
    .max(MOST)
    .default([]),
})

/** Reads a `server.json` or a server card. What is not known is left out. @throws UnreadableServer */
export function readServer(json: unknown): PublishedServer {
  const read = server.safeParse(json)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new UnreadableServer(
    `${issue?.path.join('.') || 'the document'}: ${issue?.message ?? 'is no server'}`,
  )
}
