// Many tools that differ as tools of real services do: verbs and things, with descriptions and parameters of their own.
import type { JsonObject } from '../../protocol/jsonrpc.ts'

/** A tool and the namespace it is in. */
export interface CatalogueTool {
  readonly namespace: string
  readonly definition: JsonObject
}

const VERBS =
  `create get list update delete search send archive export import assign approve cancel close copy download
  invite merge move publish refresh rename restore schedule share sync upload validate verify watch`.split(
    /\s+/,
  )

const THINGS =
  `account address agent alert annotation application approval article asset audit backup badge balance batch
  board booking branch budget build bundle calendar campaign card cart case category certificate channel charge chart
  checkout claim client cluster comment commit company component connection contact container contract conversation coupon
  course credential customer dashboard dataset deal deployment device dispute document domain draft email employee entity
  environment event expense experiment feature feedback file filter folder forecast form funnel gateway goal group image
  incident index ingestion instance integration inventory invoice issue item job journal key label ledger license listing
  location log meeting member message metric milestone model module monitor network node note notebook notification offer
  order organization package page partner patch payment payout permission phase pipeline plan playbook playlist policy
  portfolio position post presentation price process product profile project prompt proposal query question queue quote
  rack rate reaction receipt record recording refund region release replica report repository request reservation resource
  response review role route rule run sample scan schedule schema score screenshot secret segment sensor server session
  shift shipment site skill slide snapshot space spreadsheet sprint stage statement status step store stream subscription
  supplier survey table tag target task team template tenant test theme thread ticket timesheet token topic trace track
  trade transaction transfer translation trial trigger user vault vehicle vendor version video view visit volume voucher
  wallet warehouse webhook widget workflow workspace zone`.split(/\s+/)

/** Services the tools are spread over. */
const SERVICES = 40

function capitalised(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`
}

function toolNumber(index: number): CatalogueTool {
  const verb = VERBS[index % VERBS.length] ?? ''
  const at = (step: number): string =>
    THINGS[Math.floor(index / VERBS.length + index * step) % THINGS.length] ?? ''
  const [thing, owner, part] = [at(0), at(7), at(31)]
  const service = `${THINGS[(index % SERVICES) * 3] ?? ''}-hub`
  const properties = {
    [`${thing}_id`]: { type: 'string', description: `Id of the ${thing}.` },
    [`${owner}Name`]: { type: 'string', description: `Name of the ${owner} it belongs to.` },
    fields: {
      type: 'array',
      items: { type: 'string' },
      description: `Fields of the ${part} to return; all by default.`,
    },
    limit: { type: 'integer', minimum: 1, maximum: 100, description: 'Most results to return.' },
    cursor: { type: 'string', description: 'Where to go on, from the answer before.' },
  }
  const description =
    `${capitalised(verb)} one ${thing} of a ${owner}, with all that belongs to it. Returns the ${part} and its current ` +
    `state; fails when the ${owner} does not exist or the caller may not see it.`
  return {
    namespace: service,
    definition: {
      name: `${verb}_${thing}_${index}`,
      title: `${capitalised(verb)} ${thing}`,
      description,
      inputSchema: { type: 'object', properties, required: [`${thing}_id`] },
    },
  }
}

/** So many tools, about 900 bytes each, every name distinct. */
export function toolCatalogue(count: number): CatalogueTool[] {
  return Array.from({ length: count }, (_, index) => toolNumber(index))
}
