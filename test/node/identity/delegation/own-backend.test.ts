import { expect, test } from 'vitest'
import type { Delegation } from '../../../../node/identity/delegation/backend.ts'
import { OwnBackend } from '../../../../node/identity/delegation/backends.ts'
import { DelegatedToken } from '../../../../node/identity/delegation/delegated-token.ts'

test('a node acts for itself as long as its own token lasts, whatever it would give itself', async () => {
  const seen: Delegation[] = []
  const token = new DelegatedToken('own', { scheme: 'DPoP', scopes: ['*'], expiresAt: 1_300 })
  const backend = {
    obtain: (delegation: Delegation) => {
      seen.push(delegation)
      return token
    },
  }
  const self = { iss: 'https://issuer.example', sub: 'https://node.example/oauth/client.json' }
  const own = new OwnBackend(
    () => token,
    backend,
    () => self,
  )
  const parent = { issuer: 'x', subject: 'x', clientId: 'x', scopes: ['ns:fx'] }
  for (const expiresAt of [1_120, 9_000]) await own.obtain({ parent: { ...parent, expiresAt } })
  const expected = { issuer: self.iss, subject: self.sub, clientId: self.sub, expiresAt: 1_300 }
  expect(seen.map((one) => one.parent)).toEqual([
    { ...parent, ...expected },
    { ...parent, ...expected },
  ])
})
