/** One thing wrong, or doubtful, in a configuration. */
export interface ConfigProblem {
  /** Keys from the root to the place. */
  readonly path: readonly (string | number)[]
  readonly message: string
  /** What to do about it. */
  readonly hint?: string
  /** Whether the key itself is at fault, and not its value: decides the column. */
  readonly at?: 'key'
  /** 1-based; present when the configuration came from a file. */
  readonly line?: number
  /** 1-based, in UTF-16 units. */
  readonly column?: number
}

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/

function formatPath(path: ConfigProblem['path']): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    if (!PLAIN_KEY.test(key)) return `${text}[${JSON.stringify(key)}]`
    return text === '' ? key : `${text}.${key}`
  }, '')
}

/** One line of text: `file:line:column path: message, hint`, without what is not known. */
export function formatProblem(problem: ConfigProblem, file?: string): string {
  const position = problem.line === undefined ? [] : [problem.line, problem.column ?? 1]
  const place = [...(file === undefined ? [] : [file]), ...position].join(':')
  const path = formatPath(problem.path)
  const what = problem.hint === undefined ? problem.message : `${problem.message}, ${problem.hint}`
  return `${place}${place === '' ? '' : ' '}${path}${path === '' ? '' : ': '}${what}`
}

/** A configuration that cannot be used, with everything that is wrong with it. No message contains a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]
  readonly file?: string

  constructor(problems: readonly ConfigProblem[], file?: string) {
    super(problems.map((problem) => formatProblem(problem, file)).join('\n'))
    this.problems = problems
    if (file !== undefined) this.file = file
  }
}
