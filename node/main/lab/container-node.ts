import { createWriteStream, type WriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import { Container } from './container.ts'
import type { HousedBus, HousedNode, NodeFiles, NodePorts } from './housing.ts'
import { parseLine } from './log-line.ts'
import { INCARNATION } from './node-process.ts'
import { LOG_WORDS } from './log-words.ts'

/** A node of a lab in a container of its own. */
export class ContainerNode implements HousedNode {
  readonly #files: NodeFiles
  readonly #container: Container
  readonly #ports: () => NodePorts
  readonly #onLine: (line: JsonObject) => void
  #log: WriteStream | undefined

  constructor(
    files: NodeFiles,
    at: { readonly id: () => string; readonly ports: () => NodePorts },
    onLine: (line: JsonObject) => void,
  ) {
    this.#files = files
    this.#container = new Container(`node ${files.name}`, at.id)
    this.#ports = at.ports
    this.#onLine = onLine
  }

  get failure(): Promise<Error> {
    return this.#container.failure
  }

  async start(): Promise<NodePorts> {
    const log = (this.#log ??= createWriteStream(this.#files.log, { flags: 'a' }))
    await this.#container.start((text) => {
      log.write(`${text}\n`)
      const line = parseLine(text)
      if (line !== undefined) this.#onLine(line)
      return line?.['msg'] === LOG_WORDS.operators
    })
    return this.#ports()
  }

  kill(): Promise<void> {
    return this.#container.kill()
  }

  async forget(): Promise<void> {
    await rm(join(this.#files.state, INCARNATION), { force: true })
  }

  abandon(): void {
    this.#container.abandon()
  }

  /** It goes on: whether it ends is for the housing to say. */
  async close(): Promise<void> {
    this.abandon()
    this.#log?.end()
  }
}

/** The server of a bus in a container of its own. */
export class ContainerBus implements HousedBus {
  readonly #container: Container
  readonly #port: number

  constructor(name: string, id: () => string, port: number) {
    this.#container = new Container(`bus ${name}`, id)
    this.#port = port
  }

  async start(): Promise<number> {
    await this.#container.start((line) => line.includes('Server is ready'))
    return this.#port
  }

  kill(): Promise<void> {
    return this.#container.kill()
  }

  abandon(): void {
    this.#container.abandon()
  }

  async close(): Promise<void> {
    this.abandon()
  }
}
