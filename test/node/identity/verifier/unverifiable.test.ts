import { describe, expect, it } from 'vitest'
import { FetchFault } from '../../../../node/identity/fetch-fault.ts'
import { unverifiable } from '../../../../node/identity/verifier/unverifiable.ts'
import { Fault } from '../../../../protocol/errors.ts'

describe('a token nobody can say anything of', () => {
  it.each<[string, unknown, object | undefined]>([
    [
      'known',
      new FetchFault('timeout', 'idp.example', 'is slow', 12_000),
      { retryAfterMs: 12_000 },
    ],
    ['not known', new FetchFault('timeout', 'idp.example', 'is slow'), undefined],
    ['no hint', new Fault('overloaded', 'words', { data: { retryAfterMs: 'soon' } }), undefined],
    ['no fault', new Error('words'), undefined],
    ['nothing', undefined, undefined],
  ])('is no fault of its caller, who may come again when that is %s', (_, cause, data) => {
    const fault = unverifiable(cause)
    expect([fault.code, fault.data]).toEqual(['overloaded', data])
    // Whoever it was stays here.
    expect(`${fault.message} ${JSON.stringify(fault.data)}`).not.toContain('idp.example')
  })
})
