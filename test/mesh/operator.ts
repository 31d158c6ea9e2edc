// An operator of a node: asks at its admin listener, and holds every answer against what is published.
import { randomBytes } from 'node:crypto'
import type { Explanations } from '../../node/control/explain.ts'
import { ROUTES } from '../../node/control/admin-routes.ts'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import type { RunningNode } from '../../node/main/running-node.ts'

export interface OperatorAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: Readonly<Record<string, unknown>>
}

interface Sent {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Somebody with a key, which may be one that a node does not know. */
export class Operator {
  readonly key: string = randomBytes(32).toString('base64url')
  readonly #name: string
  #url = ''

  constructor(name = 'ops') {
    this.#name = name
  }

  /** What stands in `admin.keys`. */
  entry(more: object = {}): object {
    return { name: this.#name, hash: hashStaticKey(this.key), ...more }
  }

  /** The part `admin` of a node this one operates. */
  admin(more: object = {}): object {
    return { listen: '127.0.0.1:0', keys: [this.entry()], ...more }
  }

  at(node: Pick<RunningNode, 'adminUrl'>): this {
    this.#url = node.adminUrl ?? ''
    return this
  }

  /** Sends a request as it is told. */
  async send(
    method: string,
    path: string,
    { body, headers = {} }: Sent = {},
  ): Promise<OperatorAnswer> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const json = text === '' ? {} : (JSON.parse(text) as OperatorAnswer['json'])
    return { status: response.status, headers: response.headers, text, json }
  }

  /** Asks for something that is there; the answer is exactly what is published. */
  async ask<Report = OperatorAnswer['json']>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Report> {
    const { status, text, json } = await this.send(method, `/api/v1${path}`, { body })
    if (status !== 200) throw new Error(`${method} ${path}: ${status} ${text}`)
    const template = path.replace(/\?.*$/, '').replace(/^\/views\/.*/, '/views/{endpoint}')
    const route = ROUTES.find((one) => one.method === method && one.path === template)
    const read = route?.reply.safeParse(json)
    if (read?.success !== true) throw new Error(`${path}: ${read?.error.message ?? 'no route'}`)
    return json as Report
  }

  get<Report = OperatorAnswer['json']>(path: string): Promise<Report> {
    return this.ask<Report>('GET', path)
  }

  /** All explanations, page by page. */
  async explain(question: object): Promise<Explanations> {
    const items: Explanations['items'][number][] = []
    let cursor: string | undefined
    for (;;) {
      const page = await this.ask<Explanations & { readonly next?: string }>('POST', '/explain', {
        limit: 7,
        ...question,
        ...(cursor !== undefined && { cursor }),
      })
      items.push(...page.items)
      cursor = page.next
      if (cursor === undefined) return { ...page, items }
    }
  }
}
