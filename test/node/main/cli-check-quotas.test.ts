import { expect, test } from 'vitest'
import { parseConfigText } from '../../../node/core/config-file.ts'
import { quotaLine } from '../../../node/main/cli-check-quotas.ts'

test.each([
  [`{ for: '*', rate: 60/m }`, 'each caller, 60 in 1m, 60 at once'],
  [
    `{ for: [a, b], per: all, rate: 1/h, burst: 3, concurrent: 2 }`,
    'all callers of a, b together, 1 in 1h, 3 at once; 2 at a time',
  ],
  [
    `{ for: a, endpoints: [main], methods: [call], tools: [x__a, { tag: t }, { readOnly: true }], concurrent: 1 }`,
    'each caller of a, 1 at a time (call; tools x__a, t, by annotation; at main)',
  ],
  [
    `{ for: '*', prompts: [a, b, c, d, e, f, g], rate: 1/s }`,
    'each caller, 1 in 1s, 1 at once (prompts a, b, c, d, e, and 2 more)',
  ],
])('the limit %s is told in one line', (limit, expected) => {
  const text = `node: { name: n, organisation: o }
upstreams: { x: { stdio: { command: x } } }
namespaces: { x: { from: [x] } }
endpoints: { main: { namespaces: [x] } }
clients: { a: { keys: a }, b: { keys: b } }
tags: { t: ['x__*'] }
quotas: { q: ${limit} }
`
  const [quota] = parseConfigText(text, 'b.yaml', {}).config.quotas
  expect(quota && quotaLine(quota)).toBe(`limit q: ${expected}`)
})
