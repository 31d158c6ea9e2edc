// The environment of the process: no other file reads it.
import type { Environment } from './config-substitution.ts'

/** The environment of the process, for everybody else. */
export function hostEnvironment(): Environment {
  return process.env
}

/** Variables a child process inherits. The rest of the environment may hold secrets that are not the child's. */
const INHERITED: readonly string[] = [
  'HOME LANG LC_ALL LOGNAME PATH SHELL TERM TMPDIR TZ USER',
  'APPDATA COMSPEC HOMEDRIVE HOMEPATH LOCALAPPDATA PATHEXT PROGRAMFILES',
  'SYSTEMDRIVE SYSTEMROOT TEMP TMP USERNAME USERPROFILE',
].flatMap((names) => names.split(' '))

/** The part of the environment that every stdio upstream gets, under what its own `env` says. */
export function inheritedEnvironment(env: Environment = hostEnvironment()): Record<string, string> {
  const present = INHERITED.flatMap((name) => {
    const value = env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return Object.fromEntries(present)
}

/** Whether text for people may be coloured: on a terminal, unless `NO_COLOR` (no-color.org) says otherwise. */
export function mayColour(isTerminal: boolean, env: Environment = hostEnvironment()): boolean {
  const refused = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== ''
  return isTerminal && !refused && env['TERM'] !== 'dumb'
}
