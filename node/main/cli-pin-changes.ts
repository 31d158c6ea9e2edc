import { differences, type PinDifference, type Pins } from '../../protocol/provenance/pins.ts'
import { harmless, type Paint } from './cli-nodes.ts'

/** Pins of one upstream by the names of tools. */
export type Tools = ReadonlyMap<string, string>

/** A tool that is not what is pinned. */
export interface PinChange {
  readonly label: string
  readonly tool: string
  readonly state: 'changed' | 'new' | 'gone'
  /** Of a tool that changed. */
  readonly fields: readonly PinDifference[]
}

/** What differs of the upstreams that were pinned before; those that were not have nothing to differ from. */
export function compareTools(before: Pins, now: Pins): readonly PinChange[] {
  return [...now].flatMap(([label, tools]) => {
    const pinned = before.get(label)
    if (pinned === undefined) return []
    const names = [...new Set([...pinned.keys(), ...tools.keys()])].toSorted()
    return names.flatMap((tool) => changeOf(label, tool, [pinned.get(tool), tools.get(tool)]))
  })
}

function changeOf(
  label: string,
  tool: string,
  [before, now]: readonly [string | undefined, string | undefined],
): readonly PinChange[] {
  if (before === now) return []
  if (before === undefined) return [{ label, tool, state: 'new', fields: [] }]
  if (now === undefined) return [{ label, tool, state: 'gone', fields: [] }]
  return [{ label, tool, state: 'changed', fields: differences(before, now) }]
}

/** What changed, for people. */
export function changesText(changes: readonly PinChange[], paint: Paint): string {
  return changes
    .map(({ label, tool, state, fields }) => {
      const head = `${paint('bold', harmless(`${label}/${tool}`))} is ${state}\n`
      return head + fields.map((field) => fieldText(field, paint)).join('')
    })
    .join('')
}

function fieldText({ field, before, after }: PinDifference, paint: Paint): string {
  const lines = [
    before === undefined ? '' : paint('red', `    - ${harmless(before)}\n`),
    after === undefined ? '' : paint('green', `    + ${harmless(after)}\n`),
  ]
  return `  ${harmless(field)}\n${lines.join('')}`
}
