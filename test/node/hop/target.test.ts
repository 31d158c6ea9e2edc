import { describe, expect, test } from 'vitest'
import { targetOf, type Target } from '../../../node/hop/target.ts'
import { faultOf } from '../../protocol/fault.ts'
import { LIMITS, requestOf } from './calls.ts'

function target(method: string, params: object): Pick<Target, 'kind' | 'name'> {
  const { kind, name, start, end } = targetOf(requestOf(method, params), LIMITS)
  const text = requestOf(method, params).raw.toString('utf8', start, end)
  expect(JSON.parse(text)).toBe(name)
  return { kind, name }
}

describe('what a request is about', () => {
  test('stands where its method has it', () => {
    expect(target('tools/call', { name: 'a"b', arguments: { name: 'x' } })).toEqual({
      kind: 'tool',
      name: 'a"b',
    })
    expect(target('prompts/get', { name: 'p' })).toEqual({ kind: 'prompt', name: 'p' })
    expect(target('resources/read', { uri: 'a://b' })).toEqual({ kind: 'resource', name: 'a://b' })
    const argument = { name: 'n', value: 'v' }
    const prompt = { ref: { type: 'ref/prompt', name: 'p' }, argument }
    expect(target('completion/complete', prompt)).toEqual({ kind: 'prompt', name: 'p' })
    const template = { argument, ref: { uri: 'a://{b}', type: 'ref/resource' } }
    expect(target('completion/complete', template)).toEqual({ kind: 'template', name: 'a://{b}' })
  })

  test.each([
    ['tools/call', {}],
    ['tools/call', { name: 7 }],
    ['tools/call', { name: '' }],
    ['tools/call', { name: 'é'.repeat(129) }],
    ['prompts/get', { name: null }],
    ['resources/read', { uri: ['a'] }],
    ['resources/read', { uri: `a:${'b'.repeat(8_191)}` }],
    ['completion/complete', {}],
    ['completion/complete', { ref: 'x' }],
    ['completion/complete', { ref: [{ type: 'ref/prompt', name: 'p' }] }],
    ['completion/complete', { ref: { type: 'ref/tool', name: 'p' } }],
    ['completion/complete', { ref: { type: '__proto__', name: 'p' } }],
    ['completion/complete', { ref: { type: 'ref/prompt', uri: 'p' } }],
  ])('%s with %j is refused', (method, params) => {
    expect(faultOf(() => targetOf(requestOf(method, params), LIMITS))?.code).toBe('invalid_params')
  })

  test('the limit counts bytes of the name, not of its spelling', () => {
    const name = '\u0001'.repeat(256)
    expect(targetOf(requestOf('tools/call', { name }), LIMITS).name).toBe(name)
  })
})
