import { isIPv4, isIPv6 } from 'node:net'
import { isLoopback } from './config-fields.ts'

/** Names that never are public: RFC 6762, RFC 8375, and what ICANN keeps for private use. */
const PRIVATE_ENDINGS = ['.internal', '.local', '.localhost', '.home.arpa'] as const

/** RFC 1918 and the shared space of RFC 6598. Not link-local: clouds keep credentials of the machine there. */
const PRIVATE_IPV4 =
  /^(?:10\.|192\.168\.|172\.(?:1[6-9]|2[0-9]|3[01])\.|100\.(?:6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\.)/

/** Unique local addresses, RFC 4193. */
const PRIVATE_IPV6 = /^f[cd][0-9a-f]{2}:/

/**
 * Whether a host of a URL in normal form, as it is written, says that it is not on the public network. Who writes such
 * a name into the configuration means it; any other name may stand for a private address only through its DNS.
 */
export function privateByName(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  if (isLoopback(host)) return true
  if (isIPv4(host)) return PRIVATE_IPV4.test(host)
  if (isIPv6(host)) return PRIVATE_IPV6.test(host)
  return !host.includes('.') || PRIVATE_ENDINGS.some((ending) => host.endsWith(ending))
}
