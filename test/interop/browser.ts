// A person with a browser, as far as logging in needs one: follows redirects, keeps cookies, fills in forms.
import { send, type RawReply } from '../fixtures/raw-client.ts'

/** More pages than any login has. */
const PAGES = 20

/** Keeps its cookies from one visit to the next, as one browser does. */
export class Browser {
  readonly #login: string
  readonly #cookies = new Map<string, string>()
  /** Paths of the forms that were sent in, in turn. */
  readonly forms: string[] = []

  /** @param login whom its person logs in as, wherever asked */
  constructor(login: string) {
    this.#login = login
  }

  /**
   * Goes where it is sent, and agrees to everything.
   *
   * @param until URL of the application, without query
   * @returns what the application is called back with
   * @throws Error when it ends up at a page without a form
   */
  async visit(url: URL, until: string): Promise<URLSearchParams> {
    let reply = await this.#go(url.href)
    let at = url
    for (let page = 0; page < PAGES; page += 1) {
      const { location } = reply.headers
      if (location === undefined) {
        const form = formOf(reply.raw, at)
        this.forms.push(form.action.pathname)
        at = form.action
        reply = await this.#go(at.href, { ...form.fields, ...this.#filledIn(form.names) })
        continue
      }
      at = new URL(location, at)
      if (`${at.origin}${at.pathname}` === until) return at.searchParams
      reply = await this.#go(at.href)
    }
    throw new Error(`still on the way after ${PAGES} pages`)
  }

  #filledIn(names: readonly string[]): Record<string, string> {
    return Object.fromEntries(names.map((name) => [name, this.#login]))
  }

  async #go(url: string, form?: Readonly<Record<string, string>>): Promise<RawReply> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const reply = await send(url, {
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'text/html',
        cookie: cookie === '' ? undefined : cookie,
        'content-type': form && 'application/x-www-form-urlencoded',
      },
      ...(form && { body: new URLSearchParams(form).toString() }),
    })
    for (const line of reply.headers['set-cookie'] ?? []) this.#keep(line)
    return reply
  }

  #keep(line: string): void {
    const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? []
    if (name === undefined) return
    if (value === undefined || value === '' || /expires=Thu, 01 Jan 1970/i.test(line)) {
      this.#cookies.delete(name)
    } else this.#cookies.set(name, value)
  }
}

interface Form {
  readonly action: URL
  /** What is filled in already. */
  readonly fields: Readonly<Record<string, string>>
  /** What is left to the person. */
  readonly names: readonly string[]
}

function formOf(page: string, at: URL): Form {
  const [, action] = /<form[^>]*action="([^"]+)"/.exec(page) ?? []
  if (action === undefined) throw new Error(`a page without a form at ${at.pathname}: ${page}`)
  const inputs = [...page.matchAll(/<input[^>]*>/g)].map(([input]) => ({
    name: /name="([^"]*)"/.exec(input)?.[1] ?? '',
    value: /value="([^"]*)"/.exec(input)?.[1],
  }))
  const fields = inputs.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]))
  return {
    action: new URL(action, at),
    fields: Object.fromEntries(fields) as Record<string, string>,
    names: inputs.filter(({ value }) => value === undefined).map(({ name }) => name),
  }
}
