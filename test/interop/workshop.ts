// The tools that servers built with the official SDKs offer here, and what they are asked to do.
import { EventEmitter, once } from 'node:events'

/** A tool as both SDKs list it. */
export interface WorkshopTool {
  readonly name: string
  readonly description: string
  readonly inputSchema: { readonly type: 'object'; readonly [key: string]: unknown }
}

/** What a tool learns of the call it serves. */
export interface WorkshopCall {
  readonly args: Readonly<Record<string, unknown>>
  readonly signal: AbortSignal
  readonly progress: (step: number, total: number) => Promise<void>
  readonly listChanged: () => Promise<void>
}

/** An error with the code and data a caller must get to see. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: number
  readonly data = { why: 'on purpose', depth: { is: 2 } }

  constructor(code: number) {
    super('not today')
    this.code = code
  }
}

/** How many tools the list has before `grow` adds one. */
const FIRST_TOOLS = ['echo', 'steps', 'refuse', 'fail', 'hold', 'aborted', 'grow'] as const

/** State of one server, whatever number of sessions or requests it serves. */
export class Workshop {
  readonly #aborted = new Set<string>()
  readonly #news = new EventEmitter()
  #grown = 0

  list(): WorkshopTool[] {
    const grown = Array.from({ length: this.#grown }, (_, index) => `grown-${index + 1}`)
    return [...FIRST_TOOLS, ...grown].map((name) => ({
      name,
      description: `The tool ${name}`,
      inputSchema: { type: 'object' },
    }))
  }

  /** @throws Refusal from the tool `refuse` */
  async call(name: string, call: WorkshopCall): Promise<{ content: TextContent[] }> {
    const { args } = call
    switch (name) {
      case 'echo':
        return text(String(args['message']))
      case 'steps':
        return this.#steps(call, Number(args['count']))
      case 'refuse':
        throw new Refusal(Number(args['code']))
      case 'fail':
        return { ...text('it did not work'), isError: true } as { content: TextContent[] }
      case 'hold':
        return this.#hold(String(args['key']), call)
      case 'aborted':
        return this.#whenAborted(String(args['key']))
      case 'grow':
        this.#grown += 1
        await call.listChanged()
        return text('grown')
      default:
        throw new Error(`no tool ${name}`)
    }
  }

  async #steps(call: WorkshopCall, count: number): Promise<{ content: TextContent[] }> {
    for (let step = 1; step <= count; step += 1) await call.progress(step, count)
    return text(`${count} steps`)
  }

  /** Says that it has begun; returns only when the caller has gone, and remembers that it has. */
  async #hold(
    key: string,
    { signal, progress }: WorkshopCall,
  ): Promise<{ content: TextContent[] }> {
    await progress(1, 1)
    if (!signal.aborted) await once(signal, 'abort')
    this.#aborted.add(key)
    this.#news.emit('aborted')
    return text('too late')
  }

  /** Answers when that call to `hold` has been aborted. */
  async #whenAborted(key: string): Promise<{ content: TextContent[] }> {
    while (!this.#aborted.has(key)) await once(this.#news, 'aborted')
    return text(key)
  }
}

interface TextContent {
  readonly type: 'text'
  readonly text: string
}

function text(value: string): { content: TextContent[] } {
  return { content: [{ type: 'text', text: value }] }
}
