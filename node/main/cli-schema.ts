import { publishSchema } from '../core/config-publish.ts'
import { EXIT, UsageError, type Command } from './cli-command.ts'

/** `banyan schema`: for editors that take a schema from a file. */
export const schemaCommand: Command = {
  name: 'schema',
  summary: 'print the JSON Schema of the configuration file',
  usage: '',
  options: {},
  async run({ args, stdout }) {
    if (args.length > 0) throw new UsageError('schema takes no arguments')
    stdout.write(publishSchema())
    return EXIT.ok
  },
}
