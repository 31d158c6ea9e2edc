/** What operators are told of the mesh, as data. */

import { z } from 'zod'

const text = z.string()
const count = z.int().min(0)

const link = z.strictObject({
  to: text.describe('Id of the upstream node.'),
  up: z.boolean(),
  epoch: count,
  cost: z.number(),
})

const namespace = z.strictObject({
  name: text.optional(),
  blinded: text.optional().describe('In place of the name, where that is not told.'),
  count: count.describe('Tools that everybody sees.'),
  digest: text,
  tags: z.array(text),
})

const member = z.strictObject({
  id: text,
  name: text.optional(),
  organisation: text,
  inc: count.describe('Which start of the node it is of.'),
  seq: count,
  status: z.enum(['up', 'drain', 'left', 'twofold', 'expired']),
  lastHeard: z.iso.datetime().optional(),
  urls: z.array(text),
  links: z.array(link),
  namespaces: z.array(namespace),
})

const upstream = z.strictObject({
  label: text,
  node: text,
  name: text,
  organisation: text,
  state: z.enum(['up', 'suspect', 'down']),
  epoch: count,
  tells: z.boolean().describe('Whether the link carries more than calls.'),
})

/** A node of the organisation as its record has it; `twofold` where it says two things at once. */
export interface MemberReport {
  readonly id: string
  readonly name?: string | undefined
  readonly organisation: string
  readonly inc: number
  readonly seq: number
  readonly status: 'up' | 'drain' | 'left' | 'twofold' | 'expired'
  readonly lastHeard?: string | undefined
  readonly urls: readonly string[]
  readonly links: readonly {
    readonly to: string
    readonly up: boolean
    readonly epoch: number
    readonly cost: number
  }[]
  readonly namespaces: readonly {
    readonly name?: string | undefined
    readonly blinded?: string | undefined
    readonly count: number
    readonly digest: string
    readonly tags: readonly string[]
  }[]
}

/** A link of the node itself to an upstream node. */
export interface UplinkReport {
  readonly label: string
  readonly node: string
  readonly name: string
  readonly organisation: string
  readonly state: 'up' | 'suspect' | 'down'
  readonly epoch: number
  readonly tells: boolean
}

/** What this node knows of the mesh. */
export const topologyReport: z.ZodType<TopologyReport> = z
  .strictObject({
    self: text,
    organisation: text,
    gossip: z.boolean(),
    bus: z.strictObject({
      state: z.enum(['none', 'lost', 'joining', 'live']),
      lastSync: z.iso.datetime().optional(),
      problem: text.optional(),
    }),
    root: text.optional().describe('Equal at nodes that know the same.'),
    members: z.array(member),
    upstreams: z.array(upstream),
    downstreams: z.array(
      z.strictObject({ node: text, name: text, organisation: text, endpoint: text }),
    ),
    organisations: z
      .array(
        z.strictObject({
          organisation: text,
          border: text.describe('Id of its node that says so.'),
          issued: z.iso.datetime(),
          namespaces: z.array(text),
        }),
      )
      .describe('What other organisations say they offer to this one.'),
    events: z.record(text, count).describe('How often what was heard and said, since the start.'),
  })
  .meta({ id: 'Topology', description: 'What the node knows of the mesh.' })

export interface TopologyReport {
  readonly self: string
  readonly organisation: string
  readonly gossip: boolean
  readonly bus: {
    readonly state: 'none' | 'lost' | 'joining' | 'live'
    readonly lastSync?: string | undefined
    readonly problem?: string | undefined
  }
  readonly root?: string | undefined
  readonly members: readonly MemberReport[]
  readonly upstreams: readonly UplinkReport[]
  readonly downstreams: readonly {
    readonly node: string
    readonly name: string
    readonly organisation: string
    readonly endpoint: string
  }[]
  readonly organisations: readonly OrganisationReport[]
  readonly events: Readonly<Record<string, number>>
}

/** What another organisation offers, as one of its borders says it. */
export interface OrganisationReport {
  readonly organisation: string
  readonly border: string
  readonly issued: string
  readonly namespaces: readonly string[]
}

const way = z.strictObject({
  next: text.optional().describe('The node to go to next; absent: it is of this node.'),
  upstreams: z.array(text).describe('Labels of the upstreams that lead there.'),
  path: z.array(text),
  steps: z
    .array(z.strictObject({ inc: count, epoch: count }))
    .describe(
      'Of each node of the path: which start of it, and the epoch of its link to the next.',
    ),
  revision: text.describe('Digest of what the namespace holds, as offered over this way.'),
  organisations: z.array(text),
  cost: z.number(),
  tags: z.array(text),
  chosen: z.boolean(),
  reason: text.optional().describe('Why the chosen one is before it.'),
})

/** A way to a namespace. */
export interface WayReport {
  readonly next?: string | undefined
  readonly upstreams: readonly string[]
  readonly path: readonly string[]
  readonly steps: readonly { readonly inc: number; readonly epoch: number }[]
  readonly revision: string
  readonly organisations: readonly string[]
  readonly cost: number
  readonly tags: readonly string[]
  readonly chosen: boolean
  readonly reason?: string | undefined
}

/** Ways to namespaces, as routes between nodes have them. */
export const waysReport: z.ZodType<WaysReport> = z
  .strictObject({
    routes: z.array(
      z.strictObject({
        origin: text.describe('Id of a node, or org:<organisation> beyond the border.'),
        namespace: text,
        stale: z.boolean().describe('Whether all ways are gone and only the names are kept.'),
        candidates: z.array(way),
      }),
    ),
  })
  .meta({ id: 'MeshRoutes', description: 'The ways to each namespace, the chosen one first.' })

export interface WaysReport {
  readonly routes: readonly {
    readonly origin: string
    readonly namespace: string
    readonly stale: boolean
    readonly candidates: readonly WayReport[]
  }[]
}
