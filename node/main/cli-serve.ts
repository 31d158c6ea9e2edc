import { formatProblem } from '../core/config-error.ts'
import { loadConfigFile } from '../core/config-file.ts'
import { createLogger } from '../core/logger.ts'
import { EXIT, UsageError, type Command } from './cli-command.ts'
import { LOG_OPTION, logLevel } from './cli-log.ts'
import { runStdioNode } from './stdio-node.ts'

/** `banyan serve`: one endpoint for the program that started this one. */
export const serveCommand: Command = {
  name: 'serve',
  summary: 'serve one endpoint of a file over standard input and output, for desktop clients',
  usage: '--stdio ENDPOINT FILE [--log LEVEL]',
  options: {
    stdio: { type: 'string', value: 'ENDPOINT', summary: 'the endpoint to serve' },
    log: LOG_OPTION,
  },
  async run(context) {
    const { args, options, stdin, stdout, stderr, signal } = context
    const [file] = args
    const endpoint = options.text('stdio')
    if (endpoint === undefined) throw new UsageError('--stdio ENDPOINT is missing')
    if (file === undefined) throw new UsageError('a file is missing')
    if (args.length > 1) throw new UsageError('serve takes one file')
    const level = logLevel(context)
    const { config, warnings } = await loadConfigFile(file)
    for (const warning of warnings) stderr.write(`warning ${formatProblem(warning, file)}\n`)
    const log = createLogger(level, { node: config.node.name })
    await runStdioNode(config, { endpoint, stdin, stdout, log, signal })
    return EXIT.ok
  },
}
