/** The oldest Node this package runs on; `engines` in package.json says the same. */
export const OLDEST_NODE = '22.19.0'

/** What to tell somebody whose Node is too old; undefined when it is not. */
export function runtimeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number)
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return undefined
  return `banyan needs Node ${OLDEST_NODE} or newer; this is ${version}`
}
