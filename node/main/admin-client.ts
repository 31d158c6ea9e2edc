import { isObject } from '../../protocol/jsonrpc.ts'
import { loadConfigFile } from '../core/config-file.ts'
import { isLoopback } from '../core/config-fields.ts'
import { isSecure } from '../core/config-identity-fields.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { API_BASE } from '../control/openapi.ts'
import { UnansweredError, UsageError, type CommandContext, type OptionSpec } from './cli-command.ts'
import { keyOf } from './key-file.ts'

/** Time for an answer, milliseconds; a reload may wait for calls to end. */
const PATIENCE_MS = 60_000

const NO_LISTENER = 'what is there is no admin listener'

/** The largest answer taken, bytes. */
const MAX_ANSWER_BYTES = 32 * 1_024 ** 2

/** Options of commands that ask a running node. */
export const ADMIN_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  url: {
    type: 'string',
    value: 'URL',
    summary: 'ask the node whose admin listener is there; default: admin.listen of FILE',
  },
  'key-file': {
    type: 'string',
    value: 'FILE',
    summary: 'file with the key of an operator, or - for standard input; asks the node',
  },
}

/** Whether a command is to ask a running node. */
export function asksNode({ options }: CommandContext): boolean {
  return options.has('url') || options.has('key-file')
}

/** Asks a running node. */
export class AdminClient {
  readonly url: string
  readonly #key: string | undefined

  constructor(url: string, key: string | undefined) {
    this.url = url
    this.#key = key
  }

  /** @throws UnansweredError; UsageError when the node does not know what it is asked about */
  get<Report>(path: string): Promise<Report> {
    return this.#ask<Report>('GET', path, undefined)
  }

  /** @throws UnansweredError; UsageError when the node does not know what it is asked about */
  post<Report>(path: string, body: unknown): Promise<Report> {
    return this.#ask<Report>('POST', path, body)
  }

  async #ask<Report>(method: string, path: string, body: unknown): Promise<Report> {
    const headers: Record<string, string> = {}
    if (this.#key !== undefined) headers['authorization'] = `Bearer ${this.#key}`
    if (body !== undefined) headers['content-type'] = 'application/json'
    const answer = await this.#fetch(path, {
      method,
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    if (answer.status === 200) return answer.json as Report
    const { detail } = isObject(answer.json) ? answer.json : {}
    if (typeof detail !== 'string') throw new UnansweredError(`${this.url}: ${NO_LISTENER}`)
    // It knows no such class, endpoint or path: what was asked is at fault.
    if (answer.status === 400 || answer.status === 404) throw new UsageError(detail)
    throw new UnansweredError(`the node at ${this.url} refused: ${detail}`)
  }

  async #fetch(path: string, init: RequestInit): Promise<{ status: number; json: unknown }> {
    try {
      const response = await fetch(`${this.url}${API_BASE}${path}`, init)
      return { status: response.status, json: JSON.parse(await bounded(response)) as unknown }
    } catch (error) {
      throw new UnansweredError(`no answer from ${this.url}: ${reasonOf(error)}`, { cause: error })
    }
  }
}

async function bounded({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The innermost reason. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof SyntaxError) return NO_LISTENER
  return error.cause === undefined ? error.message : reasonOf(error.cause)
}

/**
 * The client a command line asks for: at `--url`, or where the file says that operators are served.
 *
 * @throws UsageError when neither says where, ConfigError for a bad file
 */
export async function clientOf(
  context: CommandContext,
  file: string | undefined,
): Promise<AdminClient> {
  const given = context.options.text('url')
  const url = given === undefined ? await urlFrom(file) : checked(given)
  const key = await keyOf(context)
  if (key !== undefined && !isSecure(url)) {
    context.stderr.write(`warning: the key goes to ${url} in plain http\n`)
  }
  return new AdminClient(url, key)
}

function checked(given: string): string {
  const url = URL.parse(given)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${given} is no http or https URL`)
  }
  return url.href.replace(/\/+$/, '').replace(API_BASE, '')
}

async function urlFrom(file: string | undefined): Promise<string> {
  if (file === undefined) throw new UsageError('say which node: FILE or --url')
  const { config } = await loadConfigFile(file)
  return urlIn(config, file)
}

function urlIn({ admin }: NodeConfig, file: string): string {
  if (admin === undefined) throw new UsageError(`${file} has no "admin": operators cannot ask`)
  const { listen, tls } = admin
  if (listen.port === 0) throw new UsageError(`${file}: admin.listen has no fixed port, give --url`)
  const host = isWildcard(listen.host) ? 'localhost' : listen.host
  const named = host.includes(':') ? `[${host}]` : host
  return `${tls === undefined ? 'http' : 'https'}://${named}:${listen.port}`
}

function isWildcard(host: string): boolean {
  return !isLoopback(host) && /^[0.:]+$/.test(host)
}
