// Proofs for skills (SEP-2640).
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { CODE, isObject, objectAt, type JsonObject } from '../fixtures/wire.ts'
import { all, read, type Feature, type Scene } from './scene.ts'

const EXTENSION = 'io.modelcontextprotocol/skills'
const NAMES = ['git-workflow', 'pdf-processing', 'refunds']

function nameOf(skill: JsonObject): string {
  return String(objectAt(skill, 'frontmatter')['name'])
}

function filesOf(skill: JsonObject): JsonObject[] {
  const { resources } = skill
  return Array.isArray(resources) ? resources.filter(isObject) : []
}

async function list({ client }: Scene): Promise<void> {
  expect(objectAt(client.declared, 'extensions')[EXTENSION]).toEqual({ directoryRead: true })
  const skills = await all(client, 'skills/list', 'skills')
  expect(skills.map(nameOf).toSorted()).toEqual(NAMES)
  for (const { uri } of skills) expect(String(uri)).toMatch(/^skill:\/\/.*\/SKILL\.md$/)
}

async function get({ client }: Scene): Promise<void> {
  const [listed] = await all(client, 'skills/list', 'skills')
  const uri = String(listed?.['uri'])
  expect((await client.request('skills/get', { uri }))['skill']).toEqual(listed)
  const other = uri.replace(/[^/]+(?=\/SKILL\.md$)/, 'never-was')
  const code = CODE.invalidParams
  await expect(client.request('skills/get', { uri: other })).rejects.toMatchObject({ code })
}

async function readAll(scene: Scene): Promise<void> {
  const { client } = scene
  const skills = await all(client, 'skills/list', 'skills')
  const files = skills.flatMap(filesOf)
  expect(files.length).toBeGreaterThan(skills.length)
  for (const { uri, digest, size } of files) {
    const bytes = Buffer.from(String((await read(scene, uri))['text']))
    const hash = createHash('sha256').update(bytes).digest('hex')
    expect([size, digest]).toEqual([bytes.length, `sha256:${hash}`])
  }
  if (client.verifySkills !== undefined) expect(await client.verifySkills()).toBe(files.length)
}

/** Down through all folders of one skill: each of its files is found. */
async function folders({ client }: Scene): Promise<void> {
  const skills = await all(client, 'skills/list', 'skills')
  const skill = skills.find((one) => nameOf(one) === 'pdf-processing') ?? {}
  const open = [String(skill['uri']).replace(/\/SKILL\.md$/, '')]
  const found: string[] = []
  for (const uri of open) {
    for (const entry of await all(client, 'resources/directory/read', 'resources', { uri })) {
      const isFolder = entry['mimeType'] === 'inode/directory'
      const into = isFolder ? open : found
      into.push(String(entry['uri']))
    }
  }
  expect(open.length).toBeGreaterThan(3)
  expect(found).toEqual(expect.arrayContaining(filesOf(skill).map(({ uri }) => String(uri))))
}

const ROWS: readonly Omit<Feature, 'of'>[] = [
  { id: 'skills-list', title: 'Skills: list', proof: list },
  { id: 'skill-get', title: 'Skills: get one', proof: get },
  { id: 'skill-read', title: 'Skills: files, as their digests say', proof: readAll },
  { id: 'skill-folders', title: 'Skills: folders', proof: folders },
]

/** The rows about skills. */
export const SKILL_ROWS: readonly Feature[] = ROWS.map((row) => ({ ...row, of: 'skills' }))
