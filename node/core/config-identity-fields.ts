import { createPrivateKey } from 'node:crypto'
import { z } from 'zod'
import { TYP } from '../../protocol/token/claims.ts'
import { identifier, visibleName } from '../../protocol/token/fields.ts'
import { addProblem, defined, distinct, isLoopback, problemOfUrl, secret } from './config-fields.ts'
import type {
  NonceDemand,
  ClientAuthMethod,
  ClientCredentials,
  EgressSettings,
  KeySource,
  SignatureAlgorithm,
} from './config-identity-types.ts'

/** Every algorithm that is accepted of others. */
export const ALGORITHMS: readonly SignatureAlgorithm[] = [
  'ES256',
  'EdDSA',
  'PS256',
  'RS256',
  'ES384',
]

/** What nodes sign with. */
export const OWN_ALGORITHMS: readonly SignatureAlgorithm[] = ['ES256']

/** Longest URL, characters: what a claim of a token may hold. */
const MAX_IDENTIFIER = 512

/** Whether what goes to a URL cannot be read on the way: https, or this machine. */
export function isSecure(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || isLoopback(hostname)
}

function insecurity(url: string): string | undefined {
  return isSecure(url) ? undefined : 'must be https, unless the host is loopback'
}

/** A URL the node fetches something from, or sends tokens to. */
export const secureUrl: z.ZodType<string> = z
  .string()
  .max(MAX_IDENTIFIER)
  .superRefine((input, context) => {
    const problem = problemOfUrl(input) ?? insecurity(input)
    if (problem !== undefined) context.addIssue(problem)
  })

const NORMAL_FORM =
  'host in lower case, no default port, no dot segments: it is compared with tokens character by character'

/** A URL that identifies something, in the one form it is written in; `problemOf` finds what else is wrong with it. */
function identifyingUrl(problemOf: (url: URL) => string | undefined): z.ZodString {
  return z
    .string()
    .max(MAX_IDENTIFIER)
    .superRefine((input, context) => {
      const problem = problemOfUrl(input)
      const url = problem === undefined ? new URL(input) : undefined
      const message = url === undefined ? problem : (insecurity(input) ?? problemOf(url))
      if (message !== undefined) context.addIssue(message)
      else if (url?.href !== input && url?.href !== `${input}/`)
        addProblem(context, { message: 'must be in normal form', hint: NORMAL_FORM })
    })
}

/** An issuer identifier (RFC 8414 §2), exactly as it stands in tokens. */
export const issuerId: z.ZodString = identifyingUrl(({ href }) =>
  href.includes('?') ? 'must not have a query' : undefined,
)

/** A resource identifier (RFC 8707 §2), exactly as it stands in tokens: the URL of an endpoint. */
export const resourceId: z.ZodString = identifyingUrl(() => undefined)

/** A client id that is the URL of a client metadata document. */
export const documentId: z.ZodString = identifyingUrl(({ pathname }) =>
  pathname === '/' ? 'must be the URL of a client metadata document, with a path' : undefined,
)

/** Any client id: what another authorization server calls a client. */
export const clientId: z.ZodString = z
  .string()
  .refine(
    (input) => input !== '' && identifier.safeParse(input).success,
    'must be 1 to 512 printable ASCII characters, without space',
  )

/** A subject, exactly as it stands in tokens. */
export const subject: z.ZodString = z
  .string()
  .refine(
    (input) => visibleName.safeParse(input).success,
    'must be 1 to 1024 visible characters, in composed form (NFC)',
  )

/** RFC 7638 thumbprint of a key, SHA-256. */
export const thumbprint: z.ZodString = z
  .string()
  .regex(/^[A-Za-z0-9_-]{43}$/, 'must be a SHA-256 thumbprint in base64url (43 characters)')

/** A list of algorithms. */
/** Whether proofs must hold a nonce. */
export function nonceDemand(description: string): z.ZodType<NonceDemand> {
  return z.enum(['required', 'off']).describe(description)
}

export const algorithms: z.ZodType<SignatureAlgorithm[]> = distinct(z.enum(ALGORITHMS), 1)

/** Members of a JSON Web Key that are private or symmetric (RFC 7518 §6). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

const PUBLIC_MEMBERS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['EC', ['crv', 'x', 'y']],
  ['OKP', ['crv', 'x']],
  ['RSA', ['n', 'e']],
])

/** A public JSON Web Key. */
export const publicKey: z.ZodType<Record<string, unknown>> = z
  .record(z.string(), z.unknown())
  .superRefine((key, context) => {
    if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(key, member))) {
      const hint = 'only public keys stand in the file; take the private one out of use'
      addProblem(context, { message: 'has a private part', hint })
      return
    }
    const members = PUBLIC_MEMBERS.get(key['kty'])
    if (members === undefined) context.addIssue('must be a key of kty "EC", "OKP" or "RSA"')
    else if (members.some((member) => typeof key[member] !== 'string'))
      context.addIssue(`must have ${members.map((member) => JSON.stringify(member)).join(', ')}`)
  })

/** Most keys of one owner in the file. */
const MAX_KEYS = 20

/** Public keys of somebody else. */
export const keySource: z.ZodType<KeySource> = z
  .strictObject({
    jwksUri: secureUrl
      .optional()
      .describe(
        'URL of the key set (RFC 7517): https, or http on loopback. Fetched when first needed, and again when a key is unknown or old.',
      ),
    static: z
      .array(publicKey)
      .min(1)
      .max(MAX_KEYS)
      .optional()
      .describe('Public JSON Web Keys (RFC 7517), as they stand. Nothing is fetched.'),
  })
  .transform(({ jwksUri, static: keys }, context): KeySource => {
    if (jwksUri !== undefined && keys === undefined) return { jwksUri }
    if (jwksUri === undefined && keys !== undefined) return { static: keys }
    context.addIssue('needs exactly one of "jwksUri" or "static"')
    return z.NEVER
  })

/** Where the node may connect to. */
export function egress(description: string): z.ZodOptional<z.ZodType<EgressSettings>> {
  return z
    .strictObject({
      allowPrivate: z
        .boolean()
        .describe(
          'Whether addresses that are not public may be connected to: loopback, private (RFC 1918, unique local), link-local and the like. Checked for the address, when connecting: a name may stand for any.',
        ),
    })
    .describe(description)
    .optional()
}

const AUTH_METHODS: readonly ClientAuthMethod[] = [
  'none',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
]

function isP256(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}

function checkMethod(
  {
    secret: given,
    key,
    method,
  }: { secret?: unknown; key?: unknown; method?: ClientAuthMethod | undefined },
  context: z.RefinementCtx,
): void {
  const wantsSecret = method?.startsWith('client_secret') ?? given !== undefined
  const wantsKey = (method ?? 'private_key_jwt') === 'private_key_jwt' && !wantsSecret
  if (wantsSecret && given === undefined) {
    addProblem(context, { path: ['secret'], message: `is missing: method ${method} needs it` })
  }
  if (!wantsSecret && given !== undefined) {
    addProblem(context, { path: ['secret'], message: `is not for method ${method}` })
  }
  if (!wantsKey && key !== undefined) {
    addProblem(context, { path: ['key'], message: 'is only for method private_key_jwt' })
  }
}

/** Who the node is at another authorization server. */
export function credentials(description: string): z.ZodType<ClientCredentials> {
  return z
    .strictObject({
      id: clientId.describe('Client id there.'),
      secret: secret
        .refine(
          (value) => /^[\x20-\x7e]+$/.test(value.reveal()),
          'must be printable ASCII, without line breaks',
        )
        .optional()
        .describe(
          'Client secret. A secret: ${NAME} is replaced from the environment. Default: none; the node signs assertions with its client key (private_key_jwt), which is safer.',
        ),
      key: secret
        .refine((value) => isP256(value.reveal()), 'must be a P-256 private key in PEM (PKCS #8)')
        .optional()
        .describe(
          'Private key that signs assertions there (ES256), PEM. A secret: ${NAME} is replaced from the environment. Default: the client key of the node, whose public half is at /oauth/client-jwks.',
        ),
      method: z
        .enum(AUTH_METHODS)
        .optional()
        .describe(
          'How the client authenticates at the token endpoint. Default: client_secret_basic with a secret, else private_key_jwt. none is for clients that are registered as public.',
        ),
    })
    .superRefine(checkMethod)
    .transform((client): ClientCredentials => defined(client))
    .describe(description)
}

const DATE = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2}))?$/

const END_OF_DAY = 'T23:59:59.999Z'

function isDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}

/** When something ends: a day, to its end in UTC, or a time of RFC 3339. In ms since 1970. */
export function endTime(description: string): z.ZodType<number> {
  return z
    .string()
    .transform((input, context) => {
      const day = DATE.exec(input)?.[1]
      const time = Date.parse(input === day ? `${day}${END_OF_DAY}` : input)
      if (day !== undefined && isDay(day) && !Number.isNaN(time)) return time
      const hint = 'write "2027-06-01", or "2027-06-01T12:00:00Z"'
      addProblem(context, { message: 'must be a date, or a time of RFC 3339', hint })
      return z.NEVER
    })
    .meta({ type: 'string', pattern: DATE.source, description })
}

const OWN_TYPES: ReadonlySet<string> = new Set(Object.values(TYP))

/** A media type without `application/`, as it stands in the header of a JWT. */
const tokenType = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$/, 'must be a media type without "application/"')
  .transform((type) => type.toLowerCase())
  .refine((type) => !OWN_TYPES.has(type), 'has a meaning of its own')

/** Types of access tokens of issuers older than RFC 9068. @param rest where it may stand, and the default */
export function tokenTypes(rest: string): z.ZodType<string[]> {
  return distinct(tokenType, 1).describe(
    `Types of its access tokens (header typ) besides at+jwt, like JWT, which is what Keycloak writes. Such a token is told from an ID token by its audience alone; ${rest}`,
  )
}
