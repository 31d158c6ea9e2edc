// `npm run screenshots`: pictures of the console for the documentation, of a real federation in a real browser.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConsolePage, type Theme } from './browser.ts'
import { Federation } from './federation.ts'

const FOLDER = fileURLToPath(new URL('../../docs/console/', import.meta.url))

async function shoot(federation: Federation, theme: Theme): Promise<void> {
  const seen = await ConsolePage.open(theme)
  const { page } = seen
  const picture = (name: string): Promise<unknown> =>
    page.screenshot({ path: join(FOLDER, `${name}-${theme}.png`) })
  try {
    await seen.signIn(federation.user.adminUrl ?? '', federation.operator.key)
    await page.locator('#map-tables').getByText('The same as tables').click()
    await page.getByRole('button', { name: 'user → gate' }).click()
    await page.locator('#map-tables').getByText('The same as tables').click()
    await page.evaluate('scrollTo(0, 0)')
    await picture('map')
    await seen.tab('Who sees what')
    await page.getByLabel('Client').selectOption('key:bob')
    await page.getByLabel('Tool, prompt or resource').first().fill('docs__slow')
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.locator('#explained article').first().waitFor()
    await picture('explain')
    if (process.argv.includes('--all')) await others(seen, picture)
  } finally {
    await seen.close()
  }
  for (const line of seen.complaints) process.stderr.write(`${line}\n`)
}

async function others(
  seen: ConsolePage,
  picture: (name: string) => Promise<unknown>,
): Promise<void> {
  const { page } = seen
  await seen.tab('Way of a call')
  await page.locator('#trace-name').fill('docs__echo')
  await page.getByRole('button', { name: 'Follow' }).click()
  await page.locator('#traced table').waitFor()
  await picture('trace')
  for (const [name, file] of [
    ['Routes', 'routes'],
    ['Churn', 'churn'],
    ['Bus', 'bus'],
    ['Members', 'members'],
  ] as const) {
    await seen.tab(name)
    await picture(file)
  }
}

mkdirSync(FOLDER, { recursive: true })
const federation = await Federation.start()
try {
  await shoot(federation, 'light')
  await shoot(federation, 'dark')
} finally {
  await federation.close()
}
