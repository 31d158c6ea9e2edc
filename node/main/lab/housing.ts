import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import type { Blocked } from '../../../topology/lab/hands.ts'
import type { LabServer } from '../../../topology/lab/workload.ts'
import type { Weather } from './lane.ts'

/** Where a node that runs is reached. */
export interface NodePorts {
  /** Port of the loopback it listens on, where it runs. */
  readonly port: number
  /** Base URL of the same, from here. */
  readonly url: string
  /** URL of its listener for operators, from here. */
  readonly admin: string
}

/** A node of a lab that can be started and ended, again and again. */
export interface HousedNode {
  /** Resolves with what is wrong when it ends though nobody ended it. */
  readonly failure: Promise<Error>
  /**
   * Starts it. Resolves when it listens; its upstreams are still looked for.
   *
   * @throws Error with the last it said when it does not come to that
   */
  start(): Promise<NodePorts>
  /** Ends it without a word. */
  kill(): Promise<void>
  /** It remembers nothing but its key when it starts again. */
  forget(): Promise<void>
  /** At once, where nothing can be waited for. */
  abandon(): void
  close(): Promise<void>
}

/** The server of a bus. */
export interface HousedBus {
  /** Starts it. @returns its port, for the ways to it */
  start(): Promise<number>
  /** Ends it without a word. */
  kill(): Promise<void>
  abandon(): void
  close(): Promise<void>
}

/** A way between two of them that can be slow and broken; as {@link LinkProxy}. */
export interface HousedWay {
  readonly port: number
  lead(port: number | undefined): void
  block(ways: Blocked): void
  reset(): void
  close(): Promise<void>
}

/** The servers behind the namespaces. */
export interface HousedTools {
  /** Where the server of a namespace is reached by its node. */
  url(node: string, namespace: string): string
  /** All servers of a node list something else from now on. */
  change(node: string): void
  close(): Promise<void>
}

/** What is written of itself into the configuration of a node. */
export interface HousedPlace {
  readonly listen: string
  readonly admin: string
  readonly state: string
}

/** The files of a node, as they are seen from here. */
export interface NodeFiles {
  readonly name: string
  readonly config: string
  readonly log: string
  readonly state: string
}

/**
 * What a lab is run in: processes of this machine, or containers. First it is opened, then everything is made, then it
 * begins, and only then is something started.
 */
export interface Housing {
  /** Bytes that links have carried. */
  readonly bytes: number
  open(): Promise<void>
  /** @throws Error when what it takes cannot be had */
  begin(): Promise<void>
  /** State folder of a node, as seen from here; its key is made there before it is started. */
  stateOf(node: string): string
  place(node: string): HousedPlace
  /** @param onLine hears each line of its log */
  node(files: NodeFiles, onLine: (line: JsonObject) => void): HousedNode
  bus(name: string): HousedBus
  link(from: string, to: string, weather: Weather): Promise<HousedWay>
  toBus(node: string): Promise<HousedWay>
  tools(servers: readonly LabServer[]): Promise<HousedTools>
  /** What nodes, buses, ways and tools leave behind goes; they are closed before. */
  close(): Promise<void>
}
