import { z } from 'zod'
import { addProblem, defined, distinct } from './config-fields.ts'
import { clientId, documentId, issuerId, keySource, resourceId } from './config-identity-fields.ts'
import type { GrantRule, NodeClient } from './config-identity-types.ts'
import { anyScope, borderScope, foreignScope, ownScope, scopeMap } from './config-scope-fields.ts'

/** An issuer of another organisation, with what is said of the grants for it. */
const grantRule = z
  .strictObject({
    issuer: issuerId.describe(
      'Issuer of the other organisation, exactly as it stands in its tokens.',
    ),
    resources: distinct(resourceId, 1)
      .optional()
      .describe('URLs of endpoints over there that grants may be for. Default: any.'),
    scopes: z
      .strictObject({
        map: scopeMap(ownScope, foreignScope)
          .optional()
          .describe(
            'Scopes of what the node spends to scopes over there. Default: scopes.map of the node.',
          ),
        max: distinct(foreignScope, 1)
          .optional()
          .describe(
            'The most that goes over, in the names over there. Default: what the map gives.',
          ),
      })
      .optional()
      .describe('What goes over. What the upstream of the node asks for narrows it further.'),
    subject: z
      .enum(['pairwise', 'public'])
      .prefault('pairwise')
      .describe(
        'The most the other organisation learns of who calls. pairwise: an opaque name that only it gets; public: the name here, where the upstream of the node says so too.',
      ),
    disclose: z
      .enum(['full', 'self', 'hashed'])
      .prefault('full')
      .describe(
        'The most it learns of who acted before. full: every node; self: those of this organisation, and hashes of the others; hashed: hashes of all but the node that calls. The stricter of this and what the upstream of the node says holds.',
      ),
  })
  .transform(({ scopes = {}, ...rest }): GrantRule => ({
    ...defined(rest),
    scopes: defined(scopes),
  }))
  .describe('An issuer of another organisation, and what grants for it may say.')

const reach: z.ZodType<string | GrantRule> = z.union([resourceId, grantRule])

const reaches = z.array(reach).superRefine((items, context) => {
  const ids = items.map(idOf)
  ids.forEach((id, i) => {
    if (ids.indexOf(id) === i) return
    addProblem(context, { path: [i], message: 'is in the list twice' })
  })
})

function idOf(item: string | GrantRule): string {
  return typeof item === 'string' ? item : item.issuer
}

/** An item of the part `nodes`. */
export const nodeClientSchema: z.ZodType<NodeClient> = z
  .strictObject({
    client: documentId.describe(
      'Client id of the node: the URL of its client metadata document, <its base URL>/oauth/client.json.',
    ),
    keys: keySource
      .optional()
      .describe(
        'Public keys of its client assertions. Default: those its client metadata document names, fetched from the URL that is its client id.',
      ),
    alias: clientId
      .optional()
      .describe(
        'Client id of the node at the authorization server of the organisation; only with issuer.mode external. Default: the same as here.',
      ),
    spends: distinct(resourceId, 0).describe(
      'URLs of endpoints of that node: the audiences of tokens it may trade in. Nobody else may trade them. Empty: it has none.',
    ),
    scopeMap: scopeMap(anyScope, borderScope)
      .optional()
      .describe(
        'Scopes of the authorization server in the names of these endpoints, as their auth.scopeMap has them; only with issuer.mode external. Default: as they are written, if they are of our grammar.',
      ),
    reaches: reaches.describe(
      'What it may get in exchange: URLs of endpoints it may get tokens for, and identifiers of other issuers it may get grants for, or a table with what grants for one may say. Empty: nothing; its own endpoints are known all the same.',
    ),
    scopes: z
      .strictObject({
        map: scopeMap(ownScope, foreignScope).describe(
          'Scopes of what it spends to scopes of what it reaches. What is not in it does not go over.',
        ),
      })
      .optional()
      .describe(
        'The caller’s scopes in the names of the next endpoint, as the node has them under auth.scopes of its upstream. Default: both endpoints give namespaces the same names.',
      ),
  })
  .transform(({ keys, reaches: reached, ...rest }): NodeClient => {
    const rules = reached.filter((item) => typeof item !== 'string')
    return {
      ...defined(rest),
      keys: keys ?? { metadataUri: rest.client },
      reaches: reached.map(idOf),
      ...(rules.length > 0 && { grants: rules }),
    }
  })
  .describe('A node of the organisation that may use token exchange at the service of this node.')
