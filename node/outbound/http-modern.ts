import { RPC, type Fault } from '../../protocol/errors.ts'
import { encodeHeaderValue, HEADER } from '../../protocol/headers.ts'
import { MODERN_REVISION } from '../../protocol/revisions.ts'
import { readError, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { Logger } from '../core/logger.ts'
import type { FrameSink, OutFrame, Sent } from './connection.ts'
import { HttpCall, type CallRules } from './http-call.ts'
import type { HttpTarget } from './http-target.ts'
import type { ModernChannel } from './modern-connection.ts'

/** Sends one request by the rules of 2026-07-28: all it needs is in its headers and `_meta`. */
export function sendModern(
  target: HttpTarget,
  { frame, sink, rules }: { frame: OutFrame; sink: FrameSink; rules: CallRules },
): Sent {
  const headers = [
    HEADER.protocolVersion,
    MODERN_REVISION,
    HEADER.method,
    frame.method,
    ...(frame.name === undefined ? [] : [HEADER.name, encodeHeaderValue(frame.name)]),
    ...frame.headers,
  ]
  const call = new HttpCall(frame, sink, rules)
  const { authorization } = frame
  const exchange = target.post(frame.body, headers, { sink: call, authorization })
  return {
    // Closing the response stream is the cancellation (MCP 2026-07-28, patterns/cancellation).
    cancel: () => {
      if (call.drop()) exchange.abort()
    },
    resume: () => exchange.resume(),
  }
}

/** A channel to a 2026 upstream over HTTP: each request an exchange of its own. */
export function httpChannel(
  target: HttpTarget,
  { lost, log }: { readonly lost: (fault: Fault) => void; readonly log: Logger },
): ModernChannel {
  const rules: CallRules = {
    disowned,
    request: ({ method }) => {
      // A server of this era may not ask (MCP 2026-07-28, basic/patterns), and waits for nothing here.
      const facts = { target: target.name, method: String(method).slice(0, 100) }
      log.debug(facts, 'the upstream sent a request, which its era does not allow')
    },
    lost,
  }
  return {
    transport: 'http',
    send: (frame, sink) => sendModern(target, { frame, sink, rules }),
    // Connections are those of the target, and outlive this one.
    close: () => Promise.resolve(),
  }
}

/** Answers a server that no longer speaks 2026-07-28 gives: it was replaced, and the era must be found out again. */
function disowned(status: number, message: UpstreamMessage | undefined): string | undefined {
  if (message === undefined) {
    const foreign = status === 400 || status === 404 || status === 405
    return foreign
      ? `the upstream no longer speaks MCP ${MODERN_REVISION} (HTTP ${status})`
      : undefined
  }
  if (status !== 400) return undefined
  const code = readError(message)?.code
  // What 2025 servers refuse a request without a session with; one of 2026 may not use that code.
  return code === -32_000 || code === RPC.unsupportedVersion
    ? `the upstream no longer speaks MCP ${MODERN_REVISION}`
    : undefined
}
