// What is in texts that somebody saw: as they are, and what base64url in them says.
import { decodePart } from '../../protocol/token/compact.ts'

/** All of it in one text. */
export function insideOf(seen: readonly string[]): string {
  const parts = seen.flatMap((text) => text.match(/[A-Za-z0-9_-]{16,}/g) ?? [])
  const inside = parts.flatMap((part) => {
    try {
      return [decodePart(part).toString('latin1')]
    } catch {
      return []
    }
  })
  return [...seen, ...inside].join('\n')
}
