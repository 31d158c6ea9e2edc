// Tools as an index has them.
import type { JsonObject } from '../../../../protocol/jsonrpc.ts'
import { toolWords, wordsOf } from '../../../../protocol/tool-words.ts'
import { ToolIndex, type IndexedTool } from '../../../../node/hop/search/tool-index.ts'

export interface NamedTool {
  readonly namespace: string
  readonly definition: JsonObject
}

function indexed({ namespace, definition }: NamedTool): IndexedTool {
  const { name, description, parameters } = toolWords(definition)
  return {
    name: name.join(' '),
    namespace: wordsOf(namespace).join(' '),
    description: description.join(' '),
    parameters: parameters.join(' '),
  }
}

export function indexOf(tools: readonly NamedTool[]): ToolIndex {
  const index = new ToolIndex()
  for (const tool of tools) index.add(indexed(tool))
  return index
}
