// Ids of tasks in messages, and what must not be taken for one.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { splice } from '../../protocol/json-edit.ts'
import { relatedTaskEdits, taskIdEdits } from '../../protocol/task-edits.ts'
import { readUpstreamMessage } from '../../protocol/upstream-message.ts'
import { anyCharacter } from '../fixtures/any-character.ts'

const RELATED = 'io.modelcontextprotocol/related-task'

function rename(id: string): string {
  return `<${id}>`
}

/** A message with its tasks renamed. */
function renamed(body: object): unknown {
  const message = readUpstreamMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...body })))
  const { jsonrpc: _, ...rest } = JSON.parse(
    splice(message.raw, taskIdEdits(message, rename)).toString(),
  ) as Record<string, unknown>
  return rest
}

describe('the task of a message', () => {
  test('stands flat, nested, or in a note of what the message belongs to', () => {
    const related = { [RELATED]: { taskId: 'c', more: 1 }, other: { taskId: 'x' } }
    const result = { taskId: 'a', task: { status: 's', taskId: 'b' }, _meta: related }
    const expected = {
      taskId: '<a>',
      task: { status: 's', taskId: '<b>' },
      _meta: { ...related, [RELATED]: { taskId: '<c>', more: 1 } },
    }
    expect(renamed({ id: 1, result })).toEqual({ id: 1, result: expected })
    const method = 'notifications/tasks'
    expect(renamed({ method, params: result })).toEqual({ method, params: expected })
  })

  test('is not what only looks like one', () => {
    const result = {
      content: [{ taskId: 'a', text: 'taskId' }],
      structuredContent: { taskId: 'b', task: { taskId: 'c' } },
      result: { taskId: 'd' },
      task: 'e',
      taskId: 5,
      _meta: { [RELATED]: 'f', taskId: 'g' },
    }
    expect(renamed({ id: 1, result })).toEqual({ id: 1, result })
    for (const meta of [null, [], { [RELATED]: null }, { [RELATED]: { taskId: {} } }]) {
      const noted = { id: 1, result: { _meta: meta } }
      expect(renamed(noted)).toEqual(noted)
    }
    const error = { code: 1, message: '', data: { taskId: 'a' } }
    expect(renamed({ id: 1, error })).toEqual({ id: 1, error })
  })

  test('law: any id is renamed, in whatever way it is spelt, and all else keeps its bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), (id) => {
        for (const text of [JSON.stringify(id), `"${escaped(id)}"`]) {
          const head = '{"jsonrpc":"2.0","id":1,"result":{ "n":1.0, "taskId" : '
          const message = readUpstreamMessage(Buffer.from(`${head}${text} , "é":[] }}`))
          const out = splice(message.raw, taskIdEdits(message, rename)).toString()
          expect(out).toBe(`${head}${JSON.stringify(rename(id))} , "é":[] }}`)
        }
      }),
    )
  })
})

/** Params or a result with the task it belongs to renamed. */
function relatedOf(text: string): string {
  const bytes = Buffer.from(text)
  return splice(bytes, relatedTaskEdits(bytes, rename)).toString()
}

describe('the task a question or its answer belongs to', () => {
  test('is renamed in the note, and nowhere else', () => {
    const text = `{"taskId":"a","_meta":{"n":1.0,"${RELATED}":{"taskId":"b"}}}`
    expect(relatedOf(text)).toBe(text.replace('"b"', '"<b>"'))
  })

  test.each(['{}', '[]', '"text"', 'null', `"${RELATED}"`, `{"a":"${RELATED}"}`, '{"_meta":5}'])(
    'there is none in %s',
    (text) => {
      expect(relatedOf(text)).toBe(text)
    },
  )
})

/** Each UTF-16 unit as an escape. */
function escaped(text: string): string {
  const units = text.split('').map((unit) => unit.charCodeAt(0).toString(16).padStart(4, '0'))
  return units.map((unit) => `\\u${unit}`).join('')
}
