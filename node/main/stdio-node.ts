import type { Readable, Writable } from 'node:stream'
import { Fault } from '../../protocol/errors.ts'
import { baseUrlOf } from '../core/config-defaults.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import { StdioServer } from '../inbound/stdio.ts'
import { compose, stopStreams } from './compose.ts'

/** A node that serves a pipe, and nothing else. */
export interface StdioNodePlan {
  readonly endpoint: string
  readonly stdin: Readable
  readonly stdout: Writable
  readonly log: Logger
  /** Ends it early: running calls are stopped. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs a node for one caller at the other end of a pipe, without HTTP. Resolves when the caller has closed its end, has
 * its answers, and all children are stopped.
 *
 * @throws Fault `unknown_endpoint`, StateError for a state folder that cannot be used
 */
export async function runStdioNode(config: NodeConfig, plan: StdioNodePlan): Promise<void> {
  const { endpoint, stdin, stdout, log, signal } = plan
  if (!Object.hasOwn(config.endpoints, endpoint)) throw noEndpoint(config, endpoint)
  const { limits } = config
  const parts = await compose(config, log)
  const { audit, drain, identity, methods, observing, registry, streamable } = parts
  // Nobody reaches it there; it is what upstreams know the node by.
  identity?.begin(baseUrlOf(config.node) ?? 'http://localhost')
  const server = new StdioServer({ ...methods, limits }, { endpoint, input: stdin, output: stdout })
  const interrupted = aborted(signal)
  try {
    // What comes first may be a call: tools are unknown until they were listed once. One slow server is not waited for.
    await Promise.race([registry.start(), pause(limits.connectTimeout), interrupted.promise])
    await Promise.race([server.run(), interrupted.promise])
    void interrupted.promise.then(() => server.close(0))
    await server.close(limits.shutdownGrace)
  } finally {
    interrupted.forget()
    drain.begin()
    stopStreams(parts)
    streamable.keepAlive.close()
    methods.serving.close()
    await registry.close()
    await identity?.close()
    await observing.tracing?.close()
    await audit?.close()
  }
}

function noEndpoint({ endpoints }: NodeConfig, name: string): Fault {
  const known = Object.keys(endpoints).join(', ')
  return new Fault('unknown_endpoint', `there is no endpoint "${name}"; there are: ${known}`)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref()
  })
}

/** A promise that resolves when the signal aborts, and a way to stop listening. */
function aborted(signal: AbortSignal | undefined): { promise: Promise<void>; forget(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const listener = (): void => resolve()
  if (signal?.aborted === true) resolve()
  signal?.addEventListener('abort', listener, { once: true })
  return { promise, forget: () => signal?.removeEventListener('abort', listener) }
}
