import { ADVERT_TIMING } from '../../../topology/advertiser.ts'
import { SYNC_TIMING } from '../../../topology/bus-state.ts'
import { LINK_TIMING } from '../../../topology/link-health.ts'
import { RECORD_TIMING, type Profile } from '../../../topology/own-record.ts'
import type { SpeakerSettings } from '../../../topology/speaker-types.ts'
import type { GossipSettings } from '../../core/config-gossip-types.ts'

/** Nodes remembered at most: some 130 MB of records. */
const MAX_RECORDS = 100_000
/** How long a record counts after it was received, ms. */
const RECORD_TTL_MS = 3_600_000
/** Routes taken from one upstream node at most. */
const MAX_ROUTES = 100_000
/** How long names are held when all ways are gone, ms. */
const STALE_FOR_MS = 60_000
/** Changes are gathered for so long before ways are chosen, ms. */
const GATHER_MS = 20

/** The times of a mesh, milliseconds; tests have less. */
export type MeshTiming = Pick<
  SpeakerSettings,
  'link' | 'record' | 'adverts' | 'sync' | 'gather' | 'summaries'
>

export const MESH_TIMING: MeshTiming = {
  link: LINK_TIMING,
  record: RECORD_TIMING,
  adverts: ADVERT_TIMING,
  sync: SYNC_TIMING,
  gather: GATHER_MS,
}

/** What a speaker is made with. @param hopBudget nodes a request may enter */
export function speakerSettings(
  { imports, exports }: GossipSettings,
  profile: Profile,
  { hopBudget, timing }: { readonly hopBudget: number; readonly timing: MeshTiming },
): SpeakerSettings {
  return {
    profile,
    imports,
    exports,
    db: { records: MAX_RECORDS, ttl: RECORD_TTL_MS },
    rib: { maxDepth: hopBudget, routesPerPeer: MAX_ROUTES, staleFor: STALE_FOR_MS },
    ...timing,
  }
}
