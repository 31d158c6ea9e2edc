import { Fault } from '../../../protocol/errors.ts'
import { writeTraceparent } from '../../../protocol/trace-context.ts'
import type { CallEnd, Departure } from '../call-run.ts'
import { COUNTED_METHODS } from '../metrics/methods.ts'
import type { Received } from '../stages.ts'
import type { SpanAttributes, SpanKind } from './span.ts'
import type { CallSpans, TracerOptions } from './tracer.ts'

/** Where a request stands in its trace. */
export interface TracePlace extends Pick<TracerOptions, 'sink' | 'now' | 'randomHex'> {
  readonly traceId: string
  /** The span it was sent from; undefined where the trace begins here. */
  readonly parentId: string | undefined
}

interface Open {
  readonly spanId: string
  readonly parentId: string | undefined
  readonly kind: SpanKind
  readonly startedAt: number
  readonly attributes: SpanAttributes
  name: string
}

const METHODS: ReadonlySet<string> = new Set(COUNTED_METHODS)

/** How one names what is called, by the conventions of OpenTelemetry for MCP. */
const NAMED_BY: Partial<Record<Departure['kind'], string>> = {
  tool: 'gen_ai.tool.name',
  prompt: 'gen_ai.prompt.name',
  resource: 'mcp.resource.uri',
}

/**
 * The spans of a request that is recorded: one for its answer, and below it one for each way it went and each token it
 * waited for. What a caller may have made up (a name nobody has, an argument, an id) is in none.
 */
export class RecordedSpans implements CallSpans {
  readonly isNew: boolean
  readonly #place: TracePlace
  readonly #method: string
  readonly #server: Open
  #client: Open | undefined
  #target: SpanAttributes = {}

  constructor({ request, caller, endpoint, scope }: Received, place: TracePlace) {
    this.#place = place
    this.isNew = place.parentId === undefined
    this.#method = METHODS.has(request.method) ? request.method : 'other'
    this.#server = this.#open('server', place.parentId, {
      'mcp.method.name': this.#method,
      'mcp.protocol.version': caller.revision,
      'banyan.endpoint': endpoint,
      ...transportOf(scope.arrival),
    })
  }

  get traceparent(): string {
    const { spanId } = this.#client ?? this.#server
    return writeTraceparent({ traceId: this.#place.traceId, spanId, sampled: true })
  }

  depart({ upstream, transport, kind, name, as }: Departure): void {
    const key = NAMED_BY[kind]
    const target = (of: string): SpanAttributes => (key === undefined ? {} : { [key]: known(of) })
    this.#target = target(name)
    this.#server.name = nameOf(this.#method, kind, name)
    this.#client = this.#open('client', this.#server.spanId, {
      'mcp.method.name': this.#method,
      'banyan.upstream': upstream,
      ...target(as),
      ...transportOf(transport),
    })
    this.#client.name = nameOf(this.#method, kind, as)
  }

  arrive(end: CallEnd): void {
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) this.#end(client, end)
  }

  exchange(): (end: CallEnd) => void {
    const span = this.#open('internal', this.#server.spanId, {})
    span.name = 'token exchange'
    return (end) => this.#end(span, end)
  }

  over(end: CallEnd): void {
    this.arrive(end)
    this.#end(this.#server, end, this.#target)
  }

  #open(kind: SpanKind, parentId: string | undefined, attributes: SpanAttributes): Open {
    const { now, randomHex } = this.#place
    const name = this.#method
    return { spanId: randomHex(8), parentId, kind, startedAt: now(), attributes, name }
  }

  #end(open: Open, end: CallEnd, more: SpanAttributes = {}): void {
    const { traceId, sink, now } = this.#place
    const error = end instanceof Fault ? end.code : end
    const told = error === undefined ? {} : { 'error.type': error }
    const attributes = { ...open.attributes, ...more, ...told }
    sink.take({ ...open, traceId, endedAt: now(), attributes, error })
  }
}

function nameOf(method: string, kind: Departure['kind'], name: string): string {
  // Of names of URIs there is no end.
  return kind === 'tool' || kind === 'prompt' ? `${method} ${name}` : method
}

/** What stands behind the path of a URI is an argument. */
function known(name: string): string {
  return (/^[^?#]*/.exec(name)?.[0] ?? '').slice(0, 256)
}

function transportOf(arrival: string | undefined): SpanAttributes {
  if (arrival === 'stdio') return { 'network.transport': 'pipe' }
  if (arrival === undefined) return {}
  return { 'network.transport': 'tcp', 'network.protocol.name': arrival }
}
