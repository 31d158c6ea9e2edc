import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { View } from '../../../../node/hop/view.ts'
import { sightOf, toolAt, viewOf, World } from './world.ts'

const WORDS = ['file', 'issue', 'create', 'read', 'weather', 'mail', 'secret', 'payroll'] as const

describe('a search', () => {
  const view = viewOf([
    toolAt('docs/read_file', {
      title: 'Read',
      description: `Reads a file. ${'Long. '.repeat(100)}`,
      inputSchema: { type: 'object', properties: { path: {}, head: {} }, required: ['path'] },
    }),
    toolAt('docs/write_file', { description: 'Writes a file.' }),
    toolAt('mail/send', { description: 'Sends a message.' }),
    toolAt('docs/list', { description: 'Lists folders.' }),
  ])

  test('says what a tool is called, what it does and what it takes', async () => {
    const found = await new World(view).search({ query: 'read file', limit: 1 })
    expect(found).toEqual({
      tools: [
        {
          name: 'docs__read_file',
          title: 'Read',
          description: expect.stringMatching(/^Reads a file\. Long\..{0,300}…$/),
          parameters: ['path', 'head?'],
        },
      ],
      total: 2,
      nextOffset: 1,
    })
  })

  test('goes on where it was left, and ends', async () => {
    const world = new World(view)
    const first = await world.search({ query: '', limit: 3 })
    const rest = await world.search({ query: '', limit: 3, offset: first.nextOffset })
    const names = [...first.tools, ...rest.tools].map(({ name }) => name)
    expect(names).toEqual(view.items.map(({ entry }) => entry.name))
    expect(rest).not.toHaveProperty('nextOffset')
    const beyond = await world.search({ query: '', offset: 99 })
    expect(beyond).toEqual({ tools: [], total: 4 })
  })

  test('without words that say anything finds nothing, without any words everything', async () => {
    const world = new World(view)
    expect(await world.names('how do I?')).toEqual([])
    expect(await world.names('  ')).toHaveLength(4)
  })

  test('finds by a name as it stands, by a beginning, and by what is nearly a word', async () => {
    const world = new World(view)
    expect((await world.names('docs__write_file'))[0]).toBe('docs__write_file')
    expect(await world.names('fold')).toEqual(['docs__list'])
    expect(await world.names('mesage')).toEqual(['mail__send'])
  })

  test.each([
    [{}, '"query"'],
    [{ query: 7 }, '"query"'],
    [{ query: 'x'.repeat(501) }, '500'],
    [{ query: 'x', limit: 0 }, '"limit"'],
    [{ query: 'x', limit: 51 }, '"limit"'],
    [{ query: 'x', limit: 1.5 }, '"limit"'],
    [{ query: 'x', offset: -1 }, '"offset"'],
    [{ query: 'x', size: 3 }, '"size" is unknown'],
  ])('is refused in words: %j', async (args, words) => {
    await expect(new World(view).search(args)).rejects.toThrow(words)
  })

  test('leaves out what the caller could not use', async () => {
    const task = toolAt('docs/long_job', { execution: { taskSupport: 'required' } })
    const world = new World(viewOf([task, toolAt('docs/job')]))
    const old = { era: '2025', revision: '2025-06-18' } as const
    expect((await world.search({ query: 'job' }, old)).total).toBe(1)
    expect((await world.search({ query: '' }, old)).total).toBe(1)
    const modern = { era: '2026', revision: '2026-07-28' } as const
    expect((await world.search({ query: 'job' }, modern)).total).toBe(2)
  })
})

const tool = fc
  .record({
    namespace: fc.constantFrom('docs', 'mail', 'hidden'),
    name: fc.uniqueArray(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 }),
    description: fc.array(fc.constantFrom(...WORDS), { maxLength: 8 }),
  })
  .map(({ namespace, name, description }) => ({
    place: `${namespace}/${name.join('_')}`,
    text: description.join(' '),
  }))

const tools = fc.uniqueArray(tool, { maxLength: 25, selector: ({ place }) => place })
const query = fc.array(fc.constantFrom(...WORDS, 'fil', 'wether'), { maxLength: 4 })

/** Some see some of it, told by a name alone. */
function seeing(salt: number): (name: string) => boolean {
  return (name) => Buffer.from(name).reduce((sum, byte) => sum + byte, salt) % 3 !== 0
}

describe('what is hidden', () => {
  test('law: changes nothing: the answer is that of an endpoint that never had it', async () => {
    const salt = fc.integer({ min: 0, max: 2 })
    await fc.assert(
      fc.asyncProperty(tools, query, salt, async (all, words, by) => {
        const listed = all.map(({ place, text }) => toolAt(place, { description: text }))
        const sees = seeing(by)
        const world = new World(viewOf(listed))
        world.seen = { ...world.seen, sight: sightOf('some', sees) }
        const without = new World(
          viewOf(listed.filter(([namespace, { name }]) => sees(`${namespace}__${name}`))),
        )
        const args = { query: words.join(' '), limit: 50 }
        expect(await world.search(args)).toEqual(await without.search(args))
      }),
    )
  })

  test('law: what is found is what the list would hold, each once', async () => {
    await fc.assert(
      fc.asyncProperty(tools, query, async (all, words) => {
        const view = viewOf(all.map(({ place, text }) => toolAt(place, { description: text })))
        const sees = seeing(1)
        const world = new World(view)
        world.seen = { view, sight: sightOf('some', sees) }
        const names = await world.names(words.join(' '))
        const list = view.items.map(({ entry }) => entry.name).filter(sees)
        expect(new Set(names).size).toBe(names.length)
        expect(names.filter((name) => !list.includes(name))).toEqual([])
      }),
    )
  })

  test('law: without words it is that list', async () => {
    await fc.assert(
      fc.asyncProperty(tools, async (all) => {
        const view = viewOf(all.map(({ place, text }) => toolAt(place, { description: text })))
        const sees = seeing(1)
        const world = new World(view)
        world.seen = { view, sight: sightOf('some', sees) }
        expect(await world.names('')).toEqual(
          view.items.map(({ entry }) => entry.name).filter(sees),
        )
      }),
    )
  })

  test('while it is searched for is not found any more', async () => {
    const view = viewOf([toolAt('docs/a_file'), toolAt('docs/b_file')])
    const world = new World(view)
    const searching = world.names('file')
    world.seen = { view, sight: sightOf('less', (name) => name === 'docs__b_file') }
    expect(await searching).toEqual(['docs__b_file'])
  })

  test('is described as what never was', async () => {
    const world = new World(viewOf([toolAt('docs/a'), toolAt('docs/b')]))
    world.seen = { ...world.seen, sight: sightOf('less', (name) => name === 'docs__b') }
    expect(
      await world.describe({ names: ['docs__a', 'docs__b', 'docs__none', 'docs__a'] }),
    ).toEqual({
      tools: [expect.objectContaining({ name: 'docs__b' })],
      unknown: ['docs__a', 'docs__none'],
    })
  })
})

describe('a description', () => {
  test.each([
    [{}, '"names"'],
    [{ names: [] }, '"names"'],
    [{ names: ['a', 7] }, '"names"'],
    [{ names: Array.from({ length: 11 }, (_, index) => `t${index}`) }, '10'],
    [{ names: ['a'], deep: true }, '"deep" is unknown'],
  ])('is refused in words: %j', async (args, words) => {
    await expect(new World(viewOf([])).describe(args)).rejects.toThrow(words)
  })
})

function many(count: number): View {
  return viewOf(Array.from({ length: count }, (_, index) => toolAt(`docs/tool_${index}`)))
}

describe('indexes', () => {
  test('are shared by all who see the same, whatever their classes are called', async () => {
    const world = new World(many(10))
    await world.names('tool')
    for (const key of ['one', 'other']) {
      world.seen = { ...world.seen, sight: sightOf(key, () => true) }
      await world.names('tool')
    }
    expect(world.indexes.size).toBe(1)
    world.seen = { ...world.seen, sight: sightOf('less', (name) => name.endsWith('1')) }
    await world.names('tool')
    expect(world.indexes.size).toBe(2)
  })

  test('outlive a view that is made anew with the same tools', async () => {
    const two = [toolAt('docs/a_file'), toolAt('docs/b_file')]
    const world = new World(viewOf(two))
    await world.names('file')
    world.seen = { ...world.seen, view: viewOf(two) }
    expect(await world.names('file')).toHaveLength(2)
    expect(world.indexes.size).toBe(1)
    world.seen = { ...world.seen, view: viewOf([...two, toolAt('docs/c_file')]) }
    expect(await world.names('file')).toHaveLength(3)
    expect(world.indexes.size).toBe(2)
  })

  test('are shared by equal tools that were fetched apart', async () => {
    const world = new World(viewOf([toolAt('docs/a_file')]))
    await world.names('file')
    world.seen = { ...world.seen, view: viewOf([toolAt('docs/a_file')]) }
    await world.names('file')
    expect(world.indexes.size).toBe(1)
  })

  test('are made once, however many ask at the same time', async () => {
    const world = new World(many(200))
    await Promise.all(Array.from({ length: 10 }, () => world.names('tool')))
    expect(world.indexes.size).toBe(1)
  })

  test('are bounded together, and the one just used stays', async () => {
    const world = new World(many(40), { maxBytes: 6_000 })
    for (let least = 0; least < 20; least += 1) {
      const view = many(least + 1)
      world.seen = { view, sight: undefined }
      expect(await world.names('tool')).toHaveLength(least + 1)
      expect(world.indexes.bytes <= 6_000 || world.indexes.size === 1).toBe(true)
      expect(world.indexes.size).toBeGreaterThan(0)
    }
  })

  test('that nobody has used for long go when another is made', async () => {
    let now = 0
    const world = new World(many(3), { now: () => now })
    await world.names('tool')
    now = 700_000
    world.seen = { view: many(4), sight: undefined }
    await world.names('tool')
    expect(world.indexes.size).toBe(1)
  })
})
