// Tool definitions of the size that real servers publish (about 400 bytes each).
import { ECHO } from './wire.ts'

/** One entry of a `tools/list` result. */
export interface ToolDefinition {
  readonly name: string
  readonly description: string
  readonly inputSchema: Record<string, unknown>
}

function echoTool(): ToolDefinition {
  return {
    name: ECHO,
    description: 'Answers with the text it was given.',
    inputSchema: {
      type: 'object',
      properties: { text: { type: 'string', description: 'What to say back.' } },
      required: ['text'],
    },
  }
}

function fillerTool(index: number): ToolDefinition {
  return {
    name: `record_${String(index).padStart(5, '0')}`,
    description: `Reads the fields of record ${index} that changed in the given span, oldest first.`,
    inputSchema: {
      type: 'object',
      properties: {
        since: { type: 'string', format: 'date-time', description: 'Start of the span.' },
        limit: { type: 'integer', minimum: 1, maximum: 500, description: 'Most rows to return.' },
        fields: { type: 'array', items: { type: 'string' }, description: 'Names of the fields.' },
      },
      required: ['since'],
    },
  }
}

/** So many definitions, the echo tool first, every name distinct. */
export function toolCatalogue(count: number): ToolDefinition[] {
  return Array.from({ length: count }, (_, index) => (index === 0 ? echoTool() : fillerTool(index)))
}
