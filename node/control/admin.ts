import { Fault } from '../../protocol/errors.ts'
import type {
  AdminAnswer,
  AdminFeed,
  AdminRequest,
  AdminService,
  AdminTask,
} from '../core/admin.ts'
import type { AdminSettings, NodeConfig } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import { EXPOSITION_TYPE } from '../core/metrics/exposition.ts'
import { operatorOf, type Operator } from '../identity/admin-keys.ts'
import type { Route } from './admin-route.ts'
import { CONSOLE_BASE, ConsoleFiles } from './console-files.ts'
import { ROUTES } from './admin-routes.ts'
import { API_BASE, describeRoutes } from './openapi.ts'
import { scrape, type ScrapeGround } from './metrics/scrape.ts'
import { Slices } from './slices.ts'

export interface AdminParts extends ScrapeGround {
  readonly log: Logger
}

/** Where Prometheus asks: the one path it looks at by itself. */
const METRICS_PATH = '/metrics'

/** Where all of it is described. */
const DESCRIPTION_PATH = `${API_BASE}/openapi.json`

/** What happens, as server-sent events. */
const EVENTS_PATH = `${API_BASE}/events`

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/

interface Found {
  readonly route: Route
  readonly endpoint: string
}

/** What operators can ask: tells them by their keys, finds what they ask, and writes down what they change. */
export class AdminApi implements AdminService {
  readonly #parts: AdminParts
  /** Made at once: it takes too long to be made while calls wait. */
  readonly #description: object = describeRoutes(ROUTES)
  readonly #console = new ConsoleFiles()

  constructor(parts: AdminParts) {
    this.#parts = parts
  }

  take({ method, path, query, header }: AdminRequest): AdminTask {
    const asked = method === 'HEAD' ? 'GET' : method
    const page = this.#page(asked, path, header)
    if (page !== undefined) return page
    const operator = operatorOf(header('authorization'), this.#settings())
    if (path === DESCRIPTION_PATH) return this.#describe(asked)
    if (path === METRICS_PATH) return this.#scrape(asked)
    if (path === EVENTS_PATH) return this.#follow(asked, header)
    const { route, endpoint } = findRoute(asked, path)
    if (route.writes === true) this.#checkWrite(operator)
    const { maxBodyBytes = 0, isPatient = false } = route
    return {
      maxBodyBytes,
      isPatient,
      run: async (body, signal) => {
        if (route.writes === true) this.#note(operator, route)
        return { body: await route.run(this.#parts, { query, body, endpoint }, new Slices(signal)) }
      },
    }
  }

  #settings(): AdminSettings {
    const { admin } = this.#parts.config()
    // It is taken out of the file only with the listener itself.
    if (admin === undefined) throw new Fault('shutting_down', 'this listener is closing')
    return admin
  }

  #describe(method: string): AdminTask {
    if (method !== 'GET') throw wrongMethod(['GET'])
    return {
      maxBodyBytes: 0,
      isPatient: false,
      run: () => Promise.resolve({ body: this.#description }),
    }
  }

  #scrape(method: string): AdminTask {
    if (method !== 'GET') throw wrongMethod(['GET'])
    const run = (): Promise<AdminAnswer> =>
      Promise.resolve({ body: scrape(this.#parts), type: EXPOSITION_TYPE })
    return { maxBodyBytes: 0, isPatient: false, run }
  }

  /** The console needs no key: it holds nothing but itself. Undefined: something else is asked for. */
  #page(method: string, path: string, header: AdminRequest['header']): AdminTask | undefined {
    if (!this.#settings().console) return undefined
    if (`${path}/` === CONSOLE_BASE) return toConsole(method)
    if (!path.startsWith(CONSOLE_BASE)) return undefined
    const name = path.slice(CONSOLE_BASE.length) || 'index.html'
    if (!this.#console.has(name)) {
      throw new Fault('unknown_endpoint', 'the console has no such file')
    }
    if (method !== 'GET') throw wrongMethod(['GET'])
    const [known] = header('if-none-match')
    const run = (): Promise<AdminAnswer> => this.#console.answer(name, known)
    return { maxBodyBytes: 0, isPatient: false, isLight: true, run }
  }

  #follow(method: string, header: AdminRequest['header']): AdminTask {
    if (method !== 'GET') throw wrongMethod(['GET'])
    const lines = header('authorization')
    const feed: AdminFeed = {
      follow: (tell) => this.#parts.mesh.news.feed.follow(tell),
      mayGoOn: () => this.#isOperator(lines),
    }
    return {
      maxBodyBytes: 0,
      isPatient: false,
      isLight: true,
      run: () => Promise.resolve({ body: undefined, feed }),
    }
  }

  /** Keys end, and are taken out of the file. */
  #isOperator(lines: readonly string[]): boolean {
    try {
      operatorOf(lines, this.#settings())
      return true
    } catch {
      return false
    }
  }

  #checkWrite({ mayWrite }: Operator): void {
    if (mayWrite) return
    const text = 'nothing can be changed here: admin.write is off, or the key may only read'
    throw new Fault('insufficient_scope', text)
  }

  #note({ name }: Operator, { method, path }: Route): void {
    const did = `${method} ${path}`
    this.#parts.log.info({ operator: name, did }, 'an operator asked for a change')
  }
}

/** Whoever typed less than the whole address. */
function toConsole(method: string): AdminTask {
  if (method !== 'GET') throw wrongMethod(['GET'])
  const answer: AdminAnswer = { body: '', status: 308, headers: ['location', CONSOLE_BASE] }
  return { maxBodyBytes: 0, isPatient: false, run: () => Promise.resolve(answer) }
}

/** @throws Fault `unknown_endpoint`, `http_method` */
function findRoute(method: string, path: string): Found {
  const found = ROUTES.flatMap((route): Found[] => {
    const endpoint = matched(route, path)
    return endpoint === undefined ? [] : [{ route, endpoint }]
  })
  const meant = found.find(({ route }) => route.method === method)
  if (meant !== undefined) return meant
  if (found.length === 0) throw new Fault('unknown_endpoint', 'there is nothing at this path')
  throw wrongMethod(found.map(({ route }) => route.method))
}

/** The endpoint a path names, empty where its route names none; undefined when it is another route's. */
function matched({ path: template }: Route, path: string): string | undefined {
  const [before = '', after] = `${API_BASE}${template}`.split('{endpoint}')
  if (after === undefined) return path === before ? '' : undefined
  if (!path.startsWith(before)) return undefined
  const name = path.slice(before.length)
  return NAME.test(name) ? name : undefined
}

function wrongMethod(methods: readonly string[]): Fault {
  const all = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  const allow = all.join(', ')
  return new Fault('http_method', `only ${allow} can be sent here`, { data: { allow } })
}

/** What of a configuration operators are served by can change while the node runs: who they are, and what they may. */
export function adminFixed({ admin }: NodeConfig): unknown {
  return admin === undefined ? 'none' : [admin.listen, admin.tls]
}
