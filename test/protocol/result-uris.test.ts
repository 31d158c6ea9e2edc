import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { splice } from '../../protocol/json-edit.ts'
import { listItemUriEdits, paramUriEdits, resultUriEdits } from '../../protocol/result-uris.ts'
import { readUpstreamMessage } from '../../protocol/upstream-message.ts'
import { exposeUri, readExposed } from '../../protocol/uris.ts'
import { objectText, parse, space, stringText, valueText } from './json-text.ts'

/** Marks what is taken for a URI. */
function mark(uri: string): string {
  return `<${uri}>`
}

function rewriteResult(method: string, result: string, map = mark): string {
  const raw = Buffer.from(`{"jsonrpc":"2.0","id":1,"result":${result},"after":{"uri":"a"}}`)
  const written = splice(raw, resultUriEdits(method, readUpstreamMessage(raw), map)).toString()
  const [before, after] = ['{"jsonrpc":"2.0","id":1,"result":', ',"after":{"uri":"a"}}']
  expect(written.startsWith(before) && written.endsWith(after)).toBe(true)
  return written.slice(before.length, -after.length)
}

function rewriteParams(method: string, params: string): string {
  // Params are a part of the message they came in.
  const message = Buffer.from(`{"params":${params},"uri":"a"}`)
  const start = '{"params":'.length
  const place = message.subarray(start, start + Buffer.byteLength(params))
  return splice(place, paramUriEdits(method, place, mark)).toString()
}

function rewriteItem(item: string): string {
  const text = Buffer.from(item)
  return splice(text, listItemUriEdits(text, mark)).toString()
}

const LINK = '{"type":"resource_link","uri":"a:1","name":"n","n":1.0}'
const MARKED_LINK = LINK.replace('a:1', '<a:1>')
const EMBEDDED = '{"type":"resource","resource":{"uri":"a:1","text":"\\"uri\\":\\"a:2\\""}}'
const MARKED_EMBEDDED = EMBEDDED.replace('a:1', '<a:1>')
const SAMPLING = 'sampling/createMessage'

describe('row 28: URIs in results are found where resources are spoken of', () => {
  test.each<[string, string, string, string]>([
    ['a link', 'tools/call', `{"content":[${LINK}]}`, `{"content":[${MARKED_LINK}]}`],
    [
      'an embedded resource among others, oddly written',
      'tools/call',
      `{ "content" : [ {"type":"text","text":"\\u00e9"} , ${EMBEDDED}\n,7, ${LINK} ] , "n":1.0 }`,
      `{ "content" : [ {"type":"text","text":"\\u00e9"} , ${MARKED_EMBEDDED}\n,7, ${MARKED_LINK} ] , "n":1.0 }`,
    ],
    [
      'a URI behind its type',
      'tools/call',
      '{"content":[{"uri":"a:1","type":"resource_link"}]}',
      '{"content":[{"uri":"<a:1>","type":"resource_link"}]}',
    ],
    [
      'a URI and a key with escapes',
      'tools/call',
      '{"content":[{"type":"resource_link","uri":"a:\\/\\/1\\u00e9"},{"type":"resource_link","\\u0075ri":"b"}]}',
      '{"content":[{"type":"resource_link","uri":"<a://1é>"},{"type":"resource_link","\\u0075ri":"<b>"}]}',
    ],
    [
      'of a member that stands twice, the last, which parsers take',
      'tools/call',
      '{"content":[{"type":"resource_link","uri":"a:1","uri":"a:2"}]}',
      '{"content":[{"type":"resource_link","uri":"a:1","uri":"<a:2>"}]}',
    ],
    [
      'a prompt of one block and one of several',
      'prompts/get',
      `{"messages":[{"role":"user","content":${EMBEDDED}},{"role":"user","content":[${LINK}]}]}`,
      `{"messages":[{"role":"user","content":${MARKED_EMBEDDED}},{"role":"user","content":[${MARKED_LINK}]}]}`,
    ],
    [
      'contents',
      'resources/read',
      '{"contents":[{"uri":"a:1","text":"uri"},{"uri":"a:2","blob":""}],"ttlMs":0}',
      '{"contents":[{"uri":"<a:1>","text":"uri"},{"uri":"<a:2>","blob":""}],"ttlMs":0}',
    ],
    [
      'a folder',
      'resources/directory/read',
      '{"resources":[{"uri":"a:1","name":"x"},{"uri":"a:2"}]}',
      '{"resources":[{"uri":"<a:1>","name":"x"},{"uri":"<a:2>"}]}',
    ],
    [
      'skills and their files',
      'skills/list',
      '{"skills":[{"uri":"s:1","frontmatter":{"uri":"f"},"resources":[{"uri":"s:1"},{"uri":"s:2"}]},{"uri":"s:3","resources":"dynamic"}]}',
      '{"skills":[{"uri":"<s:1>","frontmatter":{"uri":"f"},"resources":[{"uri":"<s:1>"},{"uri":"<s:2>"}]},{"uri":"<s:3>","resources":"dynamic"}]}',
    ],
    [
      'one skill',
      'skills/get',
      '{"skill":{"uri":"s:1","resources":[{"uri":"s:2"}]}}',
      '{"skill":{"uri":"<s:1>","resources":[{"uri":"<s:2>"}]}}',
    ],
    [
      'what a task came to',
      'tasks/get',
      `{"taskId":"t","status":"completed","result":{"content":[${LINK}],"_meta":{"ui":{"resourceUri":"u"}}}}`,
      `{"taskId":"t","status":"completed","result":{"content":[${MARKED_LINK}],"_meta":{"ui":{"resourceUri":"<u>"}}}}`,
    ],
    [
      'what a task of 2025 came to',
      'tasks/result',
      `{"content":[${LINK}]}`,
      `{"content":[${MARKED_LINK}]}`,
    ],
    [
      'what a task asks for',
      'tasks/get',
      `{"inputRequests":{"q":{"method":"${SAMPLING}","params":{"messages":[{"role":"user","content":${LINK}}]}},"uri":{"method":"roots/list","params":{"messages":[{"content":${LINK}}]}}}}`,
      `{"inputRequests":{"q":{"method":"${SAMPLING}","params":{"messages":[{"role":"user","content":${MARKED_LINK}}]}},"uri":{"method":"roots/list","params":{"messages":[{"content":${LINK}}]}}}}`,
    ],
    [
      'the user interface of a result, and of what is in it',
      'tools/call',
      '{"_meta":{"ui":{"resourceUri":"u:1"},"ui/resourceUri":"u:2"},"content":[{"type":"text","text":"","_meta":{"ui":{"resourceUri":"u:3"}}},{"type":"resource","resource":{"uri":"u:4","_meta":{"ui/resourceUri":"u:5"}}}]}',
      '{"_meta":{"ui":{"resourceUri":"<u:1>"},"ui/resourceUri":"<u:2>"},"content":[{"type":"text","text":"","_meta":{"ui":{"resourceUri":"<u:3>"}}},{"type":"resource","resource":{"uri":"<u:4>","_meta":{"ui/resourceUri":"<u:5>"}}}]}',
    ],
  ])('%s', (_, method, result, expected) => {
    expect(rewriteResult(method, result)).toBe(expected)
  })

  test.each<[string, string, string]>([
    ['text', 'tools/call', '{"content":[{"type":"text","text":"\\"uri\\":\\"a\\"","uri":"a"}]}'],
    ['structured content', 'tools/call', `{"content":[],"structuredContent":{"x":[${LINK}]}}`],
    ['keys of other shapes', 'tools/call', `{"contents":[${LINK}],"messages":[{"uri":"a"}]}`],
    ['content of another shape', 'tools/call', `{"content":[{"type":"x","resource":${LINK}}]}`],
    ['icons', 'tools/call', '{"content":[{"type":"text","icons":[{"src":"a","uri":"a"}]}]}'],
    ['other meta', 'tools/call', '{"_meta":{"uri":"a","resourceUri":"a","x":{"resourceUri":"a"}}}'],
    [
      'meta inside',
      'tools/call',
      '{"content":[{"type":"text","_meta":{"uri":"a","ui":{"uri":"a"}}}]}',
    ],
    ['arguments', 'prompts/get', `{"description":"uri","messages":[{"arguments":${LINK}}]}`],
    [
      'a result of a tool in a prompt',
      'prompts/get',
      `{"messages":[{"content":{"type":"tool_result","content":[${LINK}]}}]}`,
    ],
    ['a link in the place of contents', 'prompts/get', `{"contents":[${LINK}]}`],
    ['methods whose results hold none', 'completion/complete', `{"content":[${LINK}]}`],
    ['methods called like members of objects', 'constructor', `{"content":[${LINK}]}`],
  ])('%s may hold what looks like one, and is not touched', (_, method, result) => {
    expect(rewriteResult(method, result)).toBe(result)
  })

  test.each([
    `{"content":${LINK.replace('"a:1"', '{"uri":"a"}')}}`,
    '{"content":"uri"}',
    '{"content":null,"uri":"a","_meta":null}',
    '{"content":[[{"type":"resource_link","uri":"a"}],"\\"uri\\"",null,{},[]]}',
    '{"content":[{"type":"resource_link","uri":7},{"type":"resource_link","uri":null}]}',
    '{"content":[{"type":["resource_link"],"uri":"a"},{"type":"resource","resource":["uri"]}]}',
    '{"content":[{"type":"resource","resource":"uri"},{"uri":"a"}],"_meta":["ui"]}',
    '{"_meta":{"ui":"resourceUri","ui/resourceUri":{"uri":"a"}}}',
    '{"_meta":{"ui":{"resourceUri":["a"]}}}',
  ])('what is malformed is left as it is: %s', (result) => {
    expect(rewriteResult('tools/call', result)).toBe(result)
  })

  test('strings that are not JSON are left to the caller, too', () => {
    const result = `{"content":[${LINK},{"\\q":"uri"}]}`
    expect(rewriteResult('tools/call', result)).toBe(result.replace('a:1', '<a:1>'))
  })

  test.each(['{"id":1,"error":{"code":-32002,"data":{"uri":"a"}}}', '{"id":1,"result":["uri"]}'])(
    'there is nothing to find in %s',
    (text) => {
      const message = readUpstreamMessage(Buffer.from(text))
      expect(resultUriEdits('resources/read', message, mark)).toEqual([])
    },
  )

  test('a URI that reads the same on both sides keeps its bytes', () => {
    const result = '{"content":[{"type":"resource_link","uri":"a:\\/\\/1"}]}'
    expect(rewriteResult('tools/call', result, (uri) => uri)).toBe(result)
  })

  test('what a URI is replaced by is written as JSON, whatever it is', () => {
    const result = rewriteResult('tools/call', `{"content":[${LINK}]}`, () => '"\n\ud800')
    expect(parse(result)).toEqual({
      content: [{ type: 'resource_link', uri: '"\n\ud800', name: 'n', n: 1 }],
    })
  })

  test('what is found can be read through the node that shows it', () => {
    const home = { organisation: 'acme', node: 'n', namespace: 'docs', source: 'files' }
    const uris = ['file:///a b', 'https://h/?q#f', 'config', 'ui://x']
    const result = JSON.stringify({ contents: uris.map((uri) => ({ uri, text: '' })) })
    const shown = parse(rewriteResult('resources/read', result, (uri) => exposeUri(home, uri))) as {
      contents: { uri: string }[]
    }
    expect(shown.contents.map(({ uri }) => readExposed(uri)?.uri)).toEqual(uris)
  })
})

describe('row 28: URIs in questions of servers', () => {
  const nested = `{"type":"tool_result","toolUseId":"1","content":[${LINK},${EMBEDDED}]}`
  const markedNested = nested.replaceAll('"a:1"', '"<a:1>"')

  test.each([
    [`{"role":"user","content":${EMBEDDED}}`, `{"role":"user","content":${MARKED_EMBEDDED}}`],
    [`{"role":"user","content":[${nested}]}`, `{"role":"user","content":[${markedNested}]}`],
    [`{"content":{"type":"text","text":"uri"}}`, `{"content":{"type":"text","text":"uri"}}`],
  ])('of the message %s', (message, expected) => {
    const params = `{"maxTokens":1e2,"messages":[${message}],"metadata":{"uri":"a"}}`
    expect(rewriteParams(SAMPLING, params)).toBe(params.replace(message, expected))
  })

  test.each([
    ['results of tools in results of tools', `{"type":"tool_result","content":[${nested}]}`],
    ['blocks of another type', `{"type":"tool_use","content":[${LINK}]}`],
  ])('%s are not looked into', (_, deep) => {
    const params = `{"messages":[{"content":[${deep}]}]}`
    expect(rewriteParams(SAMPLING, params)).toBe(params)
  })

  test('of a task that is announced', () => {
    const params = `{"taskId":"t","status":"completed","result":{"content":[${LINK}]}}`
    expect(rewriteParams('notifications/tasks', params)).toBe(params.replace('a:1', '<a:1>'))
  })

  test.each(['elicitation/create', 'roots/list'])('%s has none', (method) => {
    const params = `{"uri":"a","url":"a","messages":[{"content":${LINK}}]}`
    expect(rewriteParams(method, params)).toBe(params)
  })

  test.each(['[]', '"uri"', '{"messages":{"uri":"a"}}', '{"messages":[{"content":"uri"}]}'])(
    'params that are malformed are left as they are: %s',
    (params) => {
      expect(rewriteParams(SAMPLING, params)).toBe(params)
    },
  )
})

describe('row 28: URIs in items of lists', () => {
  test('a tool names its user interface, in both spellings', () => {
    const item =
      '{"name":"t","inputSchema":{"ui":{"resourceUri":"a"}},"_meta":{"ui":{"visibility":["app"], "resourceUri":"u:1"},"ui/resourceUri":"u:2"}}'
    expect(rewriteItem(item)).toBe(item.replace('u:1', '<u:1>').replace('u:2', '<u:2>'))
  })

  test.each([
    '{"uri":"a","name":"r","icons":[{"src":"https://h/resourceUri"}]}',
    '{"uriTemplate":"a{x}","_meta":{"resourceUri":"a"}}',
    '{"name":"t","_meta":{"ui":{"csp":{"resourceUri":"a"}}}}',
    '{"name":"t","_meta":"Uri\\""}',
  ])('nothing else is touched: %s', (item) => {
    expect(rewriteItem(item)).toBe(item)
  })
})

describe('laws', () => {
  const uri = stringText
  const block = fc.oneof(
    fc.tuple(space, uri).map(([s, text]) => `{"type"${s}:"resource_link",${s}"uri":${s}${text}}`),
    fc.tuple(space, uri, valueText).map(([s, text, value]) => {
      return `{"x":${value},"type":"resource","resource":{${s}"text":${value},"uri":${text}${s}}}`
    }),
    fc.tuple(uri, valueText).map(([text, value]) => {
      return `{"type":"text","text":${text},"_meta":{"ui":{"resourceUri":${text}},"x":${value}}}`
    }),
    valueText,
  )
  const toolResult = fc
    .record({ s: space, blocks: fc.array(block, { maxLength: 4 }), other: valueText })
    .map(({ s, blocks, other }) => {
      return `{"structuredContent":${other}${s},"content":${s}[${blocks.join(`${s},${s}`)}${s}]}`
    })

  type Block = Readonly<Record<string, unknown>>

  function markedIn(value: Block | undefined, key: string): object {
    const found = value !== undefined && Object.hasOwn(value, key) ? value[key] : undefined
    return typeof found === 'string' ? { [key]: mark(found) } : {}
  }

  function asBlock(value: unknown): Block | undefined {
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Block)
      : undefined
  }

  /** The same by parsing and writing. */
  function expected(text: string): unknown {
    const result = parse(text) as { content: unknown[] }
    const content = result.content.map((item) => {
      const value = asBlock(item)
      if (value?.['type'] === 'resource_link') return { ...value, ...markedIn(value, 'uri') }
      if (value?.['type'] === 'resource') {
        const resource = asBlock(value['resource'])
        return { ...value, resource: { ...resource, ...markedIn(resource, 'uri') } }
      }
      const meta = asBlock(value?.['_meta'])
      const ui = asBlock(meta?.['ui'])
      if (ui === undefined) return item
      return { ...value, _meta: { ...meta, ui: { ...ui, ...markedIn(ui, 'resourceUri') } } }
    })
    return { ...result, content }
  }

  test('URIs are replaced, in any spelling of the result, and nothing else', () => {
    let changed = 0
    fc.assert(
      fc.property(toolResult, (text) => {
        const written = rewriteResult('tools/call', text)
        if (written !== text) changed += 1
        expect(isDeepStrictEqual(parse(written), expected(text))).toBe(true)
      }),
      { numRuns: 500 },
    )
    expect(changed).toBeGreaterThan(200)
  })

  test('what is no URI keeps its bytes', () => {
    const chunk = fc.tuple(valueText, space)
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 4 }), stringText, (chunks, text) => {
        const around = chunks.map(([value, s]) => `${s}"k":${value}${s}`)
        const build = (link: string): string =>
          `{"content":[{${[...around, '"type":"resource_link"', `"uri":${link}`, ...around].join()}}]}`
        const shown = JSON.stringify(mark(String(parse(text))))
        expect(rewriteResult('tools/call', build(text))).toBe(build(shown))
      }),
      { numRuns: 300 },
    )
  })

  test('no shape makes it throw, and none but JSON comes of it', () => {
    const methods = ['tools/call', 'prompts/get', 'resources/read', 'skills/list', 'tasks/get']
    const keys = ['content', 'messages', 'contents', 'uri', 'type', 'resource', '_meta', 'ui']
    const more = ['resources', 'skills', 'result', 'inputRequests', 'resourceUri', 'params']
    const leaf = fc.oneof(
      valueText,
      fc.constantFrom('"resource_link"', '"resource"', '"tool_result"', `"${SAMPLING}"`, '"a:b"'),
    )
    const { node } = fc.letrec<{ node: string }>((tie) => {
      const entry = fc.tuple(fc.constantFrom(...keys, ...more), tie('node'))
      return {
        node: fc.oneof(
          { depthSize: 'medium', withCrossShrink: true },
          leaf,
          fc.array(tie('node'), { maxLength: 3 }).map((items) => `[${items.join()}]`),
          fc
            .uniqueArray(entry, { maxLength: 5, selector: ([key]) => key })
            .map((entries) => `{${entries.map(([key, value]) => `"${key}":${value}`).join()}}`),
        ),
      }
    })
    fc.assert(
      fc.property(fc.constantFrom(...methods), node, (method, text) => {
        expect(() => parse(rewriteResult(method, text))).not.toThrow()
        expect(() => parse(rewriteParams(SAMPLING, text))).not.toThrow()
        expect(() => parse(rewriteItem(text))).not.toThrow()
      }),
      { numRuns: 500 },
    )
  })

  test('a result without any of it is passed on as it is', () => {
    fc.assert(
      fc.property(objectText, ({ text }) => {
        expect(rewriteResult('tools/call', text)).toBe(text)
      }),
    )
  })
})
