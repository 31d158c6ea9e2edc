import { z } from 'zod'
import { SHAPES } from '../sim/shapes.ts'
import { ALWAYS, EVENTUALLY, LIES, SOMETIMES, TRIGGERS, type LabDraft } from './lab-draft.ts'
import { SERVER_KINDS } from './workload.ts'
import { arrow, duration, id, pause, rate, share, shift, whole, word, words } from './lab-fields.ts'

const DISTRIBUTIONS = ['exponential', 'uniform'] as const

/** What a link lets through, besides what the organisations say. */
const filter = z.strictObject({
  deny: z
    .strictObject({
      tag: word.optional().describe('Routes with this tag do not pass.'),
      namespace: word.optional().describe('Nor do namespaces this glob fits.'),
    })
    .describe('What does not pass.'),
})

const linkFields = {
  latency: duration.optional().describe('One way. Default 10ms.'),
  jitter: duration.optional().describe('Mean of what is added to it. Default 2ms.'),
  dist: z
    .enum(DISTRIBUTIONS)
    .optional()
    .describe('How jitter is distributed. Default exponential.'),
  loss: share
    .optional()
    .describe('Share of messages that have to be sent again; over TCP that is delay. Default 0.'),
  cost: z.number().min(0).max(1_000_000).optional().describe('Price of the link. Default 1.'),
}

const serves = z
  .enum(SERVER_KINDS)
  .describe('What its server is like, where there really is one. Default echo.')

const namespace = z.union([
  word,
  z.strictObject({
    name: word,
    tags: words.optional(),
    tools: whole(0, 100_000).optional(),
    service: id.optional().describe('Nodes that give the same service are one origin.'),
    serves: serves.optional(),
  }),
])

const nodeFields = {
  namespaces: z
    .union([whole(0, 1_000), z.array(namespace).max(1_000)])
    .optional()
    .describe('How many, or which. Default 1.'),
  tools: whole(0, 100_000).optional().describe('In each namespace. Default 5.'),
  tags: words.optional().describe('Of each namespace.'),
  serves: serves.optional(),
}

const node = z.strictObject({
  organisation: id.optional().describe('Default: the first one.'),
  role: z.enum(['border', 'inner']).optional().describe('For the reader: policy is what decides.'),
  upstreams: z.array(id).max(1_000).optional().describe('Nodes it uses.'),
  ...nodeFields,
})

const importRule = z.strictObject({
  from: id.optional().describe('Organisation of the upstream node. Default: any.'),
  namespaces: words.optional().describe('Globs. Default: all.'),
  tags: words.optional().describe('With one of these tags. Default: any.'),
  preference: z.number().min(-1_000).max(1_000).optional().describe('Higher is taken first.'),
  deny: z.boolean().optional().describe('Nothing of this is taken.'),
  behind: words.optional().describe('Organisations the upstream may speak for; "*" for any.'),
})

const exportRule = z.strictObject({
  to: id.optional().describe('Organisation of the downstream node. Default: any.'),
  namespaces: words.optional().describe('Globs. Default: all.'),
  tags: words.optional().describe('With one of these tags. Default: any.'),
  deny: z.boolean().optional().describe('Nothing of this is offered.'),
  as: word.optional().describe('Name of the namespace over there.'),
  transit: z
    .boolean()
    .optional()
    .describe('What a third organisation gave may pass. Default false.'),
})

const organisation = z.strictObject({
  gossip: id.optional().describe('Name of its bus; "off" for none. Default nats-<organisation>.'),
  export: z.array(exportRule).max(256).optional().describe('What other organisations are offered.'),
  import: z.array(importRule).max(256).optional().describe('What is taken from others.'),
})

const generation = z.strictObject({
  shape: z.enum(SHAPES),
  n: z.number().optional(),
  k: z.number().optional(),
  depth: z.number().optional(),
  a: z.number().optional(),
  b: z.number().optional(),
  c: z.number().optional(),
  m: z.number().optional(),
  p: z.number().optional(),
  prefix: id.optional().describe('Its nodes are <prefix>0, <prefix>1, and so on. Default n.'),
  organisation: id.optional().describe('Default: the first one.'),
  ...nodeFields,
})

const link = z.union([
  arrow,
  z.strictObject({ from: id, to: id, ...linkFields, filter: filter.optional() }),
])

const client = z.strictObject({
  at: id.describe('The node it calls.'),
  calls: z.strictObject({
    rate: rate.describe('Calls, like 5/s.'),
    mix: z.enum(['uniform', 'zipf']).optional().describe('Which namespaces. Default uniform.'),
  }),
})

const targets = z.union([id, z.array(id).min(1).max(100_000)])
const arrows = z.union([arrow, z.array(arrow).min(1).max(100_000)])

/** One entry of the schedule: when, to whom, what. Which keys go together is for `checkFault` to say. */
const fault = z.strictObject({
  at: duration.optional().describe('When, from the beginning.'),
  every: pause.optional().describe('Again and again: 30s, or exp(30s).'),
  from: duration.optional().describe('With every: not before. Default 5s.'),
  until: duration.optional().describe('With every: not after. Default: a minute after from.'),
  for: duration.optional().describe('Then it is as it was before.'),
  pick: z
    .enum(['random(node)', 'random(link)'])
    .optional()
    .describe('What is meant by "picked", or left out.'),
  partition: z
    .array(z.array(id).min(1))
    .min(2)
    .optional()
    .describe('Nodes or organisations: no link between two groups works.'),
  heal: z.literal(true).optional().describe('All links work, all buses run, nobody is apart.'),
  crash: z
    .union([
      targets,
      z.strictObject({
        node: targets.optional(),
        restart: duration.optional().describe('After so long. Default: for, or never.'),
        loseDisk: z.boolean().optional().describe('It starts knowing nothing.'),
      }),
    ])
    .optional()
    .describe('Nodes end without a word.'),
  start: targets.optional().describe('Nodes start again.'),
  cut: z
    .union([
      arrows,
      z.strictObject({
        link: arrows.optional(),
        way: z.enum(['both', 'forth', 'back']).optional().describe('Default both.'),
      }),
    ])
    .optional()
    .describe('Links carry nothing.'),
  mend: arrows.optional().describe('Links carry again.'),
  bus: id.optional().describe('Name of a bus.'),
  down: duration.optional().describe('With bus: its server is gone so long.'),
  drop: share.optional().describe('With bus: share of what it loses.'),
  apart: targets.optional().describe('Nodes that cannot reach the bus.'),
  skew: z.record(id, shift).optional().describe('Clocks that are wrong, by node.'),
  byzantine: z
    .record(id, z.array(z.enum(LIES)).min(1))
    .optional()
    .describe('What is made of the name of a node.'),
  publish: targets.optional().describe('Nodes change what their namespaces hold.'),
  withdraw: targets.optional().describe('Nodes have no namespaces any more; with for, until then.'),
  drain: targets.optional().describe('Nodes take no new work.'),
})

const expectation = z.strictObject({
  always: z.enum(ALWAYS).optional().describe('Never otherwise.'),
  eventually: z.enum(EVENTUALLY).optional().describe('So, within a time after something.'),
  within: duration.optional().describe('With eventually. Default 30s.'),
  after: z.enum(TRIGGERS).optional().describe('With eventually. Default start.'),
  sometimes: z.enum(SOMETIMES).optional().describe('At least once; otherwise nothing is known.'),
})

/** A lab file as it is written. */
export const labSchema: z.ZodType<LabDraft> = z
  .strictObject({
    name: id.describe('Folder of its runs.'),
    seed: whole(0, 2 ** 32 - 1)
      .optional()
      .describe('Of all random numbers. Default 1.'),
    duration: duration
      .optional()
      .describe('Virtual time. Default: until the last expectation is due.'),
    defaults: z
      .strictObject({
        link: z.strictObject(linkFields).optional(),
        node: z.strictObject(nodeFields).optional(),
      })
      .optional(),
    organisations: z.record(id, organisation).optional(),
    nodes: z.record(id, node).optional(),
    generate: z.array(generation).max(1_000).optional(),
    links: z.array(link).max(1_000_000).optional(),
    clients: z.record(id, client).optional(),
    faults: z.array(fault).max(10_000).optional(),
    expect: z.array(expectation).max(1_000).optional(),
  })
  .describe('A mesh, what happens to it, and what is expected of it.')

/** The JSON Schema (draft 2020-12) of a lab file, for editors. */
export function labJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(labSchema, { io: 'input', unrepresentable: 'any' })
}
