// A browser on the console: Debian's Chromium, driven over its own protocol, with all it complains about kept.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { chromium, type Browser, type ConsoleMessage, type Page } from 'playwright-core'
import { programEnvironment } from '../needs.ts'

/** Where Debian has it. */
const CHROMIUM = '/usr/bin/chromium'

const AXE = fileURLToPath(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url))

export type Theme = 'light' | 'dark'

/** What a rule of accessibility found. */
export interface Finding {
  readonly id: string
  readonly impact: string
  readonly targets: readonly string[]
}

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly impact: string | null
    readonly nodes: readonly { readonly target: readonly unknown[] }[]
  }[]
}

/** One page of the console, as an operator has it. */
export class ConsolePage {
  readonly page: Page
  /** Errors and refusals of the browser: of scripts, of the policy, of what could not be loaded. */
  readonly complaints: string[] = []
  /** Every address that was asked for. */
  readonly asked: string[] = []
  readonly #browser: Browser

  private constructor(browser: Browser, page: Page) {
    this.#browser = browser
    this.page = page
    page.on('console', (message) => this.#onMessage(message))
    page.on('pageerror', ({ message }) => this.complaints.push(message))
    page.on('request', (request) => this.asked.push(request.url()))
  }

  static async open(theme: Theme = 'light'): Promise<ConsolePage> {
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      env: programEnvironment(),
    })
    const page = await browser.newPage({
      viewport: { width: 1360, height: 900 },
      colorScheme: theme,
      reducedMotion: 'reduce',
    })
    return new ConsolePage(browser, page)
  }

  #onMessage(message: ConsoleMessage): void {
    const { url } = message.location()
    // That a key is asked for is told as a failure, too.
    if (message.type() === 'error' && !message.text().includes('401')) {
      this.complaints.push(`${message.text()} (${url})`)
    }
  }

  /** Opens the console of a node, and signs in. */
  async signIn(adminUrl: string, key: string): Promise<void> {
    await this.page.goto(`${adminUrl}/console/`)
    await this.page.getByLabel('Key').fill(key)
    await this.page.getByRole('button', { name: 'Sign in' }).click()
    await this.page.getByRole('tab', { name: 'Map' }).waitFor()
    await this.page.locator('#graph[data-drawn]').waitFor()
  }

  async tab(name: string): Promise<void> {
    await this.page.getByRole('tab', { name, exact: true }).click()
  }

  /** What is hard or impossible to use for some people (axe-core: WCAG 2.2 A and AA, and best practices), by all its rules or some. */
  async findings(rules: 'all' | readonly string[] = 'all'): Promise<readonly Finding[]> {
    // The policy lets in no script of others; what a debugger evaluates is not held to it.
    if (!(await this.page.evaluate('"axe" in window'))) {
      await this.page.evaluate(await readFile(AXE, 'utf8'))
    }
    const options = rules === 'all' ? {} : { runOnly: rules }
    const run = `axe.run(document, ${JSON.stringify({ ...options, resultTypes: ['violations'] })})`
    const { violations } = await this.page.evaluate<AxeResults>(run)
    return violations.map(({ id, impact, nodes }) => ({
      id,
      impact: impact ?? 'none',
      targets: nodes.map(({ target }) => target.join(' ')),
    }))
  }

  async close(): Promise<void> {
    await this.#browser.close()
  }
}
