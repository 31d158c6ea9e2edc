import { ConfigError, type ConfigProblem } from '../core/config-error.ts'
import { parseYamlText, readText } from '../core/config-file.ts'
import { explainIssues } from '../core/config-issues.ts'
import { unworded } from '../core/config.ts'
import { checkLab } from '../../topology/lab/check-lab.ts'
import { expandLab } from '../../topology/lab/expand.ts'
import { labJsonSchema, labSchema } from '../../topology/lab/lab-schema.ts'
import type { Lab } from '../../topology/lab/lab.ts'
import type { LabDraft } from '../../topology/lab/lab-draft.ts'

/** A lab file that is good. */
export interface LoadedLab {
  readonly file: string
  readonly text: string
  /** Its data as written. */
  readonly data: Readonly<Record<string, unknown>>
  readonly draft: LabDraft
  readonly lab: Lab
}

/** `mesh.schema.json`: what an editor needs to know of lab files. */
export function publishLabSchema(): string {
  return `${JSON.stringify(labJsonSchema(), null, 2)}\n`
}

/**
 * Reads a lab file.
 *
 * @param file its name in messages
 * @param seed instead of the one in the file
 * @throws {ConfigError} with every problem, each with line and column
 */
export function parseLabText(text: string, file: string, seed?: number): LoadedLab {
  return parseYamlText(text, file, (data) => {
    const parsed = labSchema.safeParse(data, { error: unworded })
    if (!parsed.success) {
      throw new ConfigError(explainIssues(parsed.error, data, labJsonSchema))
    }
    const draft = parsed.data
    const { lab, problems } = expandLab(draft, seed)
    // What is missing only because it could not be generated is not reported as missing.
    const found: readonly ConfigProblem[] = problems.length > 0 ? problems : checkLab(draft, lab)
    if (found.length > 0) throw new ConfigError(found)
    return { file, text, data: data as Record<string, unknown>, draft, lab }
  })
}

/** {@link parseLabText} for a file. */
export async function loadLab(file: string, seed?: number): Promise<LoadedLab> {
  return parseLabText(await readText(file), file, seed)
}
