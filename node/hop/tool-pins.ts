import { asFault } from '../../protocol/errors.ts'
import type { Listed } from '../../protocol/listing.ts'
import { differences, pinOf, type Pins } from '../../protocol/provenance/pins.ts'
import type { Logger } from '../core/logger.ts'
import type { PinFile } from '../core/pin-file.ts'

/** What a tool is against what was pinned: the same, another, not pinned, or not to be told. */
export type PinState = 'same' | 'changed' | 'new' | 'unreadable'

export interface ToolPinsOptions {
  /** Label of the upstream. */
  readonly upstream: string
  readonly mode: 'flag' | 'refuse'
  readonly file: Pick<PinFile, 'read' | 'changed'>
  readonly log: Logger
}

const WORDS: Readonly<Record<Exclude<PinState, 'same'>, string>> = {
  changed: 'it is not described as it was when it was pinned',
  new: 'it is not pinned',
  unreadable: 'its description can be read in two ways, and cannot be pinned',
}

/** Longest text of a field in the log, characters. */
const MAX_SHOWN = 200

/** Holds tools of one upstream against what was pinned, and tells the operator of each difference once. */
export class ToolPins {
  readonly mode: 'flag' | 'refuse'
  readonly #options: ToolPinsOptions
  /** What was told of a tool. */
  readonly #told = new Map<string, string>()
  #problem = ''

  constructor(options: ToolPinsOptions) {
    this.mode = options.mode
    this.#options = options
  }

  /** What is pinned now. A file that cannot be read pins nothing, so that nothing is taken for what was accepted. */
  async pinned(): Promise<ReadonlyMap<string, string>> {
    const pins = await this.#read()
    const { upstream, log } = this.#options
    const mine = pins.get(upstream)
    if (mine !== undefined) return mine
    const text = 'nothing is pinned for this upstream: run "banyan pin" with the configuration file'
    if (this.#problem === '') log.warn({ upstream }, text)
    this.#problem ||= text
    return new Map()
  }

  /** Whether something else is pinned than when tools were last looked at. Never rejects. */
  changed(): Promise<boolean> {
    return this.#options.file.changed()
  }

  /** How a tool stands, and why it is left out where it is. */
  judge(tool: Listed, pinned: ReadonlyMap<string, string>): { state: PinState; reason: string } {
    const before = pinned.get(tool.name)
    const now = pinText(tool)
    const state = stateOf(before, now)
    if (state === 'same') {
      this.#told.delete(tool.name)
      return { state, reason: '' }
    }
    this.#tell(tool.name, state, { before, now })
    return { state, reason: WORDS[state] }
  }

  async #read(): Promise<Pins> {
    try {
      const pins = await this.#options.file.read()
      if (this.#problem.startsWith('!')) this.#problem = ''
      return pins
    } catch (error) {
      const { message } = error instanceof Error ? error : asFault(error)
      if (this.#problem !== `!${message}`) this.#options.log.error({ pins: message }, 'no pins')
      this.#problem = `!${message}`
      return new Map()
    }
  }

  #tell(
    tool: string,
    state: Exclude<PinState, 'same'>,
    { before, now }: { readonly before: string | undefined; readonly now: string | undefined },
  ): void {
    const { upstream, log } = this.#options
    const key = `${state} ${now ?? ''}`
    // An upstream that has nothing pinned is told of as a whole.
    if (this.#told.get(tool) === key || this.#problem !== '') return
    this.#told.set(tool, key)
    const changes =
      before === undefined || now === undefined ? [] : differences(before, now).map(shown)
    const text = this.mode === 'refuse' ? 'it is not offered' : 'it is offered with a flag'
    log.warn({ pin: { upstream, tool, state, changes } }, `${WORDS[state]}; ${text}`)
  }
}

function stateOf(before: string | undefined, now: string | undefined): PinState {
  if (now === undefined) return 'unreadable'
  if (before === undefined) return 'new'
  return before === now ? 'same' : 'changed'
}

/** What would be pinned of a tool; undefined when it can be read in two ways. */
export function pinText(tool: Listed): string | undefined {
  try {
    return pinOf(tool)
  } catch {
    return undefined
  }
}

function shown({ field, before, after }: ReturnType<typeof differences>[number]): object {
  return { field, before: cut(before), after: cut(after) }
}

function cut(text: string | undefined): string | undefined {
  return text === undefined || text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`
}
