import type { Command, OptionSpec } from './cli-command.ts'

const EXIT_HELP = `exit codes: 0 ok, 1 failed at run time, 2 wrong usage, 3 bad configuration, 4 no answer from the node`

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')
}

function optionRow([name, spec]: [string, OptionSpec]): readonly [string, string] {
  const short = spec.short === undefined ? '' : `-${spec.short}, `
  const value = spec.type === 'string' ? ` ${spec.value ?? 'VALUE'}` : ''
  return [`${short}--${name}${value}`, spec.summary]
}

/** The usage line of a command. */
export function usageLine(command: Command): string {
  return `usage: banyan ${command.name} ${command.usage}`.trimEnd()
}

/** Help for one command. */
export function commandHelp(command: Command): string {
  const rows = [
    ...Object.entries(command.options).map(optionRow),
    ['-h, --help', 'print this help'] as const,
  ]
  return `${usageLine(command)}

${command.summary}

${columns(rows)}

${command.exits?.help ?? EXIT_HELP}
`
}

/** Help for the whole program. */
export function programHelp(commands: readonly Command[]): string {
  return `usage: banyan COMMAND [ARGUMENT...] [OPTION...]

A node for federations of MCP gateways.

commands:
${columns([
  ...commands.map(({ name, summary }) => [name, summary] as const),
  ['help COMMAND', 'explain a command'] as const,
])}

options:
${columns([
  ['-h, --help', 'print this help'],
  ['-v, --version', 'print the version'],
])}

${EXIT_HELP}
`
}
