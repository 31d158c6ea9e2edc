import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { asFault, Fault } from '../../protocol/errors.ts'
import type { AdminService, AdminTask } from '../core/admin.ts'
import type { Admission } from './admission.ts'
import { PROBLEM_TYPE, problemOf } from './admin-problem.ts'
import { AdminFeeds } from './admin-feeds.ts'
import { readRequestBody } from './body.ts'
import { headerLines } from './credential-facts.ts'
import { Listener, pathOf, type ListenerOptions } from './listener.ts'
import type { TlsMaterial } from './tls.ts'

/** Requests that are answered at a time: operators are few, and calls come first. */
const MAX_TASKS = 4
/** How long an answer may take, ms. */
const ANSWER_MS = 30_000
const JSON_TYPE = 'application/json'
/** Open connections of operators. */
const MAX_CONNECTIONS = 64

export interface AdminServerOptions extends Omit<
  ListenerOptions,
  'serve' | 'refusal' | 'connections'
> {
  /** No page but the node's own may ask anything here, so it must know no origins. */
  readonly admission: () => Admission
  readonly service: AdminService
  /** How long an answer may take, ms; default 30 s. */
  readonly answerMs?: number
}

/** The HTTP edge for operators. It knows nothing of what can be asked. */
export class AdminServer {
  readonly #options: AdminServerOptions
  readonly #listener: Listener
  readonly #feeds = new AdminFeeds()
  #tasks = 0

  constructor(options: AdminServerOptions) {
    this.#options = options
    this.#listener = new Listener({
      ...options,
      connections: MAX_CONNECTIONS,
      serve: (request, response) => this.#serve(request, response),
      refusal: (fault) => ({ type: PROBLEM_TYPE, body: textOf(problemOf(fault).body) }),
    })
  }

  /** @throws Error of the system when the address cannot be had */
  listen(host: string, port: number): Promise<AddressInfo> {
    return this.#listener.listen(host, port)
  }

  /** As of the listener for callers. @throws Error of OpenSSL */
  renew(tls: TlsMaterial): void {
    this.#listener.renew(tls)
  }

  /** Takes no new connections and waits for the open requests, `graceMs` at most. */
  close(graceMs: number): Promise<void> {
    this.#feeds.close()
    return this.#listener.close(graceMs)
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const fail = (error: unknown): void => this.#refuse(asFault(error), { request, response })
    try {
      const { admission, service } = this.#options
      admission().admit(request)
      const { method = '', url = '' } = request
      const path = pathOf(url)
      const task = service.take({
        method,
        path,
        query: url.slice(path.length + 1),
        header: (name) => headerLines(request, name),
      })
      checkBody(request, task)
      readRequestBody({ request, response, fail }, task.maxBodyBytes, (body) => {
        void this.#run(task, body, { request, response }).catch(fail)
      })
    } catch (error) {
      fail(error)
    }
  }

  async #run(task: AdminTask, body: Buffer, { request, response }: Exchange): Promise<void> {
    const weight = task.isLight === true ? 0 : 1
    if (this.#tasks + weight > MAX_TASKS)
      throw new Fault('overloaded', 'too much is asked at a time')
    const abort = new AbortController()
    const late = new Fault('overloaded', 'it took too long')
    const { answerMs = ANSWER_MS } = this.#options
    const timer = task.isPatient ? undefined : setTimeout(() => abort.abort(late), answerMs)
    const gone = (): void => abort.abort(new Fault('cancelled', 'the client went away'))
    response.once('close', gone)
    this.#tasks += weight
    try {
      const answer = await task.run(body, abort.signal)
      const { body: told, feed, type = JSON_TYPE, status = 200, headers } = answer
      if (feed === undefined) {
        send({ request, response }, { status, type, body: told, guards: headers })
      } else this.#feeds.open(feed, { request, response })
    } finally {
      this.#tasks -= weight
      response.off('close', gone)
      clearTimeout(timer)
    }
  }

  #refuse(fault: Fault, exchange: Exchange): void {
    if (fault.code === 'internal') {
      this.#options.log.error({ cause: fault.cause }, 'a request of an operator failed')
    }
    const { status, headers, body } = problemOf(fault)
    send(exchange, { status, type: PROBLEM_TYPE, body, headers })
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

interface Sent {
  readonly status: number
  readonly type: string
  readonly body: unknown
  readonly headers?: readonly string[]
  /** Who may keep it and what it may be taken for; default: nobody, and for nothing else. */
  readonly guards?: readonly string[] | undefined
}

// What is told here is of this moment, for this operator.
const GUARDS = ['cache-control', 'no-store', 'x-content-type-options', 'nosniff']

/** What has a media type of its own is text already. */
function textOf(body: unknown, type: string = JSON_TYPE): Buffer {
  if (Buffer.isBuffer(body)) return body
  if (!type.endsWith('json') && typeof body === 'string') return Buffer.from(body)
  return Buffer.from(`${JSON.stringify(body)}\n`)
}

function send({ request, response }: Exchange, sent: Sent): void {
  const { status, type, body, headers = [], guards = GUARDS } = sent
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  if (status > 300 && status < 400) {
    response.writeHead(status, [...guards])
    response.end()
    return
  }
  const text = textOf(body, type)
  const own = ['content-type', type, 'content-length', String(text.length)]
  response.writeHead(status, [...own, ...guards, ...headers])
  response.end(request.method === 'HEAD' ? undefined : text)
}

/** @throws Fault `content_type`, `body_too_large` */
function checkBody({ headers }: IncomingMessage, { maxBodyBytes }: AdminTask): void {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = headers
  if (coding === undefined && Number(length) === 0) return
  if (maxBodyBytes === 0) throw new Fault('body_too_large', 'this takes no body')
  const type = headers['content-type'] ?? ''
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new Fault('content_type', 'Content-Type must be application/json')
  }
  // No limit on bodies would hold for one that has to be unpacked first.
  if (!/^(identity)?$/i.test(headers['content-encoding'] ?? '')) {
    throw new Fault('content_type', 'Content-Encoding must be absent: bodies are taken as they are')
  }
}
