// The cheapest honest MCP server: both eras, answers serialised once, so that it does not hide the relay's cost.
import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { parseRequest, type Parsed } from './echo.ts'
import { toolCatalogue } from './catalogue.ts'
import { REVISION, type Era } from './wire.ts'

/** How long a list may be kept, in milliseconds: longer than any run. */
const TTL_MS = 3_600_000
const SERVER_INFO = { name: 'bench-upstream', version: '1.0.0' }
const SERVER_META = { 'io.modelcontextprotocol/serverInfo': SERVER_INFO }

/** What one URL of the server answers. */
interface Face {
  readonly era: Era
  readonly opening: string
  readonly list: Buffer
  readonly sessions: Set<string>
}

/** An answer in pieces, which are written in one go. */
type Answer = readonly (string | Buffer)[]

/** Path of the face of an era that offers so many tools. */
export function facePath(era: Era, tools: number): string {
  return `/${era}/${tools}`
}

function faceOf(path: string): Face | undefined {
  const match = /^\/(2025|2026)\/(\d+)$/.exec(path)
  if (match === null) return undefined
  const era: Era = match[1] === '2025' ? '2025' : '2026'
  const tools = toolCatalogue(Number(match[2]))
  const kept = { ttlMs: TTL_MS, cacheScope: 'public', _meta: SERVER_META }
  const list = era === '2025' ? { tools } : { resultType: 'complete', tools, ...kept }
  const hello =
    era === '2025'
      ? { protocolVersion: REVISION['2025'], serverInfo: SERVER_INFO }
      : { resultType: 'complete', supportedVersions: [REVISION['2026']], ...kept }
  return {
    era,
    opening: JSON.stringify({ ...hello, capabilities: { tools: {} } }),
    list: Buffer.from(JSON.stringify(list)),
    sessions: new Set(),
  }
}

const ECHO_HEAD: Readonly<Record<Era, string>> = {
  '2025': '{"content":[{"type":"text","text":"',
  '2026': '{"resultType":"complete","content":[{"type":"text","text":"',
}
const ECHO_TAIL: Readonly<Record<Era, string>> = {
  '2025': '"}]}}',
  '2026': `"}],"_meta":${JSON.stringify(SERVER_META)}}}`,
}

function result(id: string | number, body: string | Buffer): Answer {
  return [`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`, body, '}']
}

function echo(era: Era, id: string | number, text: Buffer): Answer {
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${ECHO_HEAD[era]}`
  return [head, text, ECHO_TAIL[era]]
}

/** Undefined for a method this era does not have. */
function answer(face: Face, { envelope, text }: Parsed): Answer | undefined {
  const { id = 0, method } = envelope
  if (method === 'tools/call') return echo(face.era, id, text)
  if (method === 'tools/list') return result(id, face.list)
  if (method === (face.era === '2025' ? 'initialize' : 'server/discover')) {
    return result(id, face.opening)
  }
  if (method === 'ping' && face.era === '2025') return result(id, '{}')
  return undefined
}

function send(res: ServerResponse, status: number, pieces: Answer): void {
  const length = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0)
  res.writeHead(status, ['content-type', 'application/json', 'content-length', String(length)])
  res.cork()
  for (const piece of pieces) res.write(piece)
  res.end()
}

function refuse(
  res: ServerResponse,
  status: number,
  fault: { readonly id?: string | number; readonly code: number; readonly message: string },
): void {
  const { id = null, ...error } = fault
  send(res, status, [JSON.stringify({ jsonrpc: '2.0', id, error })])
}

/** Whether the request belongs to a session of the face; answers it when not. Era 2025 only. */
function admitted(face: Face, req: IncomingMessage, res: ServerResponse): boolean {
  const session = req.headers['mcp-session-id']
  if (typeof session === 'string' && face.sessions.has(session)) return true
  const status = session === undefined ? 400 : 404
  refuse(res, status, { code: -32_600, message: 'no such session' })
  return false
}

function serve(face: Face, req: IncomingMessage, res: ServerResponse, body: Buffer): void {
  const parsed = parseRequest(body)
  const { id, method } = parsed.envelope
  if (face.era === '2025' && method === 'initialize') {
    const session = randomUUID()
    face.sessions.add(session)
    res.setHeader('mcp-session-id', session)
  } else if (face.era === '2025' && !admitted(face, req, res)) return
  if (id === undefined) {
    res.writeHead(202).end()
    return
  }
  const pieces = answer(face, parsed)
  if (pieces === undefined) refuse(res, 404, { id, code: -32_601, message: `no ${method}` })
  else send(res, 200, pieces)
}

function endSession(face: Face, req: IncomingMessage, res: ServerResponse): void {
  if (face.era === '2026') res.writeHead(405, { allow: 'POST' }).end()
  else if (admitted(face, req, res)) {
    face.sessions.delete(String(req.headers['mcp-session-id']))
    res.writeHead(200).end()
  }
}

/**
 * Makes the server; it listens nowhere yet.
 *
 * The path chooses the face: `/<era>/<number of tools>`, see {@link facePath}.
 */
export function createUpstream(): Server {
  const faces = new Map<string, Face | undefined>()
  const server = createServer({ keepAliveTimeout: 120_000 }, (req, res) => {
    const path = req.url ?? ''
    if (!faces.has(path)) faces.set(path, faceOf(path))
    const face = faces.get(path)
    if (face === undefined) res.writeHead(404).end()
    else if (req.method === 'DELETE') endSession(face, req, res)
    else if (req.method !== 'POST') res.writeHead(405, { allow: 'POST, DELETE' }).end()
    else collect(req, (body) => serve(face, req, res, body))
  })
  return server
}

function collect(req: IncomingMessage, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = []
  req.on('data', (chunk: Buffer) => chunks.push(chunk))
  req.on('end', () => {
    const [first] = chunks
    done(chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks))
  })
}
