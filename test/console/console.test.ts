// The console as an operator has it: a real browser before a real federation. The tests go on from each other's page.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConsolePage } from './browser.ts'
import { Federation } from './federation.ts'

let federation: Federation
let seen: ConsolePage

beforeAll(async () => {
  ;[federation, seen] = await Promise.all([Federation.start(), ConsolePage.open()])
})

afterAll(async () => {
  await seen.close()
  await federation.close()
})

const LOG = [
  { t: 0, node: 'user', type: 'link', peer: 'east', up: true, epoch: 1 },
  { t: 5, node: 'east', type: 'link', peer: 'door', up: true, epoch: 1 },
  { t: 9, node: 'user', type: 'route', key: 'door docs', path: ['user', 'east', 'door'] },
  { t: 900.5, type: 'fault', fault: 'cut', what: 'east->door' },
  { t: 1_000, node: 'east', type: 'link', peer: 'door', up: false, epoch: 1 },
]

const PLAN = `name: two-orgs
nodes:
  user:
    organisation: acme
    namespaces: []
  east:
    organisation: acme
    role: border
  door:
    organisation: globex
links:
  - from: user
`

test('it asks for a key, says so when that opens nothing, and keeps it for the tab alone', async () => {
  const { page } = seen
  await page.goto(`${federation.user.adminUrl}/console`)
  await page.getByLabel('Key').fill('x'.repeat(43))
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('That key opens nothing here.').waitFor()
  const { key } = federation.operator
  await seen.signIn(federation.user.adminUrl ?? '', key)
  const kept = await page.evaluate('[JSON.stringify({ ...sessionStorage }), localStorage.length]')
  expect(kept).toEqual([JSON.stringify({ 'banyan-operator-key': key }), 0])
  const cookies = await page.evaluate<string>('document.cookie')
  expect(`${page.url()} ${await page.content()} ${cookies}`).not.toContain(key)
})

test('the mesh is drawn, and told in tables: organisations, borders, and links that are idle', async () => {
  const { page } = seen
  const picture = page.locator('#graph')
  expect(await picture.getAttribute('aria-label')).toBe(
    '4 nodes and servers of 2 organisations, 4 links, 0 of them down',
  )
  const colours = await page.evaluate(`(() => {
    const seen = new Set()
    for (const canvas of document.querySelectorAll('#graph canvas')) {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) seen.add(data.slice(i, i + 3).join())
    }
    return [...seen].filter((one) => ['20,112,63', '79,111,143'].includes(one)).toSorted()
  })()`)
  expect(colours).toEqual(['20,112,63', '79,111,143'])
  await page.getByText('The same as tables').first().click()
  const rows = page.locator('#map-tables tbody tr')
  const texts = (await rows.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' ').trim())
  expect(texts.toSorted()).toEqual([
    'gate globex node, border ● up',
    'notes acme server ● up',
    'user acme node, this node, border ● up',
    'user → gate ○ idle idle',
    'user → notes ○ idle idle',
    'user → west ○ idle idle',
    'west acme node, border ● up',
    'west → gate ● up',
  ])
  await page.getByLabel('Find').fill('globex')
  await expect.poll(() => rows.count()).toBe(3)
  await page.getByLabel('Find').fill('')
  await page.getByRole('button', { name: 'globex' }).first().click()
  expect(await page.locator('aside').innerText()).toContain('Organisation')
})

test('a client is shown what it sees: hidden with the level, the rule and every hop', async () => {
  const { page } = seen
  await page.getByLabel('See as').selectOption('bob')
  await page.getByText('bob sees').waitFor()
  await seen.tab('Who sees what')
  expect(await page.getByLabel('Client').inputValue()).toBe('bob')
  await page.getByLabel('Client').selectOption('key:bob')
  await page.locator('#explain-name').fill('docs__slow')
  await page.getByRole('button', { name: 'Explain' }).click()
  const item = page.locator('#explained article')
  await item.waitFor()
  const told = (await item.innerText()).replaceAll(/\s+/g, ' ')
  expect(told).toContain('✕ hidden docs__slow')
  expect(told).toMatch(
    /acme\/user.*namespace: passed.*item: denied.*visibility\[1\] denies the tool/,
  )
  expect(told).toMatch(/globex\/gate.*item: passed/)
  await page.locator('#explain-name').fill('')
  await page.getByRole('button', { name: 'Explain' }).click()
  await page.getByText(/^[1-9]\d* visible, [1-9]\d* hidden/).waitFor()
  await page.locator('#explain-name').fill('docs__slow')
  await page.getByRole('button', { name: 'Explain' }).click()
  await page.getByText('0 visible, 1 hidden').waitFor()
  await page.getByLabel('See as').selectOption('operator')
})

test('the way of a call is followed over hops, with what tokens are for', async () => {
  const { page } = seen
  await seen.tab('Way of a call')
  await page.locator('#trace-name').fill('docs__echo')
  await page.getByRole('button', { name: 'Follow' }).click()
  const rows = page.locator('#traced tbody tr')
  await rows.first().waitFor()
  const [first, second] = await rows.allInnerTexts()
  expect(first).toMatch(/acme\/user\s+docs__echo\s+gate\s+websocket\s+[\d.]+ ms\s+chain, for http/)
  expect(second).toContain('globex/gate')
  await page.locator('#trace-name').fill('docs__none')
  await page.getByRole('button', { name: 'Follow' }).click()
  await page.getByText('nothing here has that name').waitFor()
})

test('routes, churn, bus and members are there by keyboard alone', async () => {
  const { page } = seen
  await seen.tab('Map')
  const told: Record<string, RegExp> = {
    'Who sees what': /What does a client see/,
    Routes: /docs\s+gate\s+● up/,
    'Way of a call': /Follow/,
    Churn: /Route changes since the start\s+\d+/,
    Bus: /Root hash of what is known\s+\S{43}/,
    Members: /west\s+● up/,
    Replay: /No log is open/,
  }
  for (const [name, words] of Object.entries(told)) {
    await page.keyboard.press('ArrowRight')
    const panel = page.getByRole('tabpanel', { name })
    expect([name, await panel.innerText()]).toEqual([name, expect.stringMatching(words) as string])
  }
})

test('the log of a lab is played from a file', async () => {
  const { page } = seen
  const text = LOG.map((event) => `${JSON.stringify(event)}\n`).join('')
  await page.locator('#log').setInputFiles([
    { name: 'events.ndjson', mimeType: 'application/json', buffer: Buffer.from(text) },
    { name: 'topology.expanded.yaml', mimeType: 'text/yaml', buffer: Buffer.from(PLAN) },
  ])
  const now = page.locator('#replay-now')
  await page.getByText('5 of 5').waitFor()
  expect(await now.innerText()).toContain('1.000 s: east link peer door, up false')
  const panel = page.getByRole('tabpanel', { name: 'Replay' })
  await panel.getByText('The same as tables').click()
  const shown = async (): Promise<string> =>
    (await panel.locator('details').innerText()).replaceAll(/\s+/g, ' ')
  expect(await shown()).toMatch(/east → door ✕ down.*user → door docs user → east → door/)
  expect(await shown()).toMatch(/door globex node, border/)
  await page.locator('#moment').focus()
  await page.keyboard.press('ArrowLeft')
  await page.getByText('4 of 5').waitFor()
  expect(await shown()).toMatch(/east → door ● up/)
  await page
    .locator('#log')
    .setInputFiles([
      { name: 'events.ndjson', mimeType: 'application/json', buffer: Buffer.from('{"t":1}\n') },
    ])
  await now.getByText('It cannot be played: line 1 is no event of a lab').waitFor()
})

test('nobody is shut out, by light or in the dark', async () => {
  const { page } = seen
  // All at once: what is hidden is not looked at.
  const open = `for (const one of document.querySelectorAll('[role=tabpanel], details')) {
    one.hidden = false
    one.open = true
  }`
  await page.evaluate(open)
  expect(await seen.findings()).toEqual([])
  await page.emulateMedia({ colorScheme: 'dark' })
  // What there is does not depend on light; how it is painted does.
  expect(await seen.findings(['color-contrast'])).toEqual([])
})

test('what happens is seen without asking: a node that is gone is dead, not idle', async () => {
  const { page } = seen
  await seen.tab('Map')
  await federation.stopGate()
  const row = page.locator('#map-tables tr', { hasText: 'user → gate' })
  await expect.poll(() => row.innerText(), { timeout: 15_000 }).toContain('✕ down')
  await seen.tab('Churn')
  await page.getByText(/upstream\s+label gate, up false/).waitFor()
})

test('nothing is asked of anybody else, and the browser has nothing to complain about', async () => {
  const origin = `${federation.user.adminUrl}/`
  expect(seen.asked.filter((url) => !url.startsWith(origin))).toEqual([])
  expect(seen.asked.filter((url) => url.includes(federation.operator.key))).toEqual([])
  expect(seen.complaints).toEqual([])
  await seen.page.getByRole('button', { name: 'Sign out' }).click()
  expect(await seen.page.evaluate('sessionStorage.length')).toBe(0)
})
