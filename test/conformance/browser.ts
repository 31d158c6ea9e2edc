// A browser without a user: it agrees to whatever page of a node it is sent to, and follows where that leads.

/** What came of it. */
export interface Visit {
  readonly status: number
  readonly text: string
}

/** Redirects at most. */
const MAX_REDIRECTS = 10

/** Opens the page, sends its form, and follows redirects with the cookies each host set. */
export async function visit(url: string): Promise<Visit> {
  const browser = new Browser()
  const page = await browser.open(url)
  const token = /name="token" value="([^"]+)"/.exec(page.text)?.[1]
  return token === undefined ? page : browser.send(url, new URLSearchParams({ token }))
}

class Browser {
  /** By host. */
  readonly #cookies = new Map<string, string>()

  async open(url: string): Promise<Visit> {
    return this.#follow(url, { method: 'GET' })
  }

  async send(url: string, form: URLSearchParams): Promise<Visit> {
    const { origin } = new URL(url)
    return this.#follow(url, { method: 'POST', body: form, headers: { origin } })
  }

  async #follow(start: string, first: RequestInit): Promise<Visit> {
    let [url, init] = [start, first]
    for (let count = 0; count < MAX_REDIRECTS; count += 1) {
      const response = await this.#fetch(url, init)
      const location = response.headers.get('location')
      if (location === null) return { status: response.status, text: await response.text() }
      await response.body?.cancel()
      url = new URL(location, url).href
      init = { method: 'GET' }
    }
    throw new Error('redirects without end')
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    const { host } = new URL(url)
    const headers = new Headers(init.headers)
    const cookie = this.#cookies.get(host)
    if (cookie !== undefined) headers.set('cookie', cookie)
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      this.#cookies.set(host, line.split(';')[0] ?? '')
    }
    return response
  }
}
