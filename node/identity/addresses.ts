import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'

/** IPv4 networks that are not the public internet (IANA special-purpose registry; multicast and class E besides). */
const SPECIAL_IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]

/**
 * Networks inside of 2000::/3 that lead elsewhere or nowhere: Teredo, ORCHID and other protocol assignments,
 * documentation, and 6to4, which carries IPv4 addresses of any kind.
 */
const SPECIAL_IPV6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

const notPublic4 = listOf(SPECIAL_IPV4, 'ipv4')
const notPublic6 = listOf(SPECIAL_IPV6, 'ipv6')
/** Only this is given out (IANA); what is outside of it, IPv4 in IPv6 and NAT64 included, is nobody's public address. */
const globalUnicast = listOf([['2000::', 3]], 'ipv6')

const loopback4 = listOf([['127.0.0.0', 8]], 'ipv4')
const loopback6 = listOf([['::1', 128]], 'ipv6')

function listOf(
  subnets: readonly (readonly [string, number])[],
  family: 'ipv4' | 'ipv6',
): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family)
  return list
}

/** The address without brackets, or undefined for what is a name. */
export function addressOf(host: string): string | undefined {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  return isIP(bare) === 0 ? undefined : bare
}

/** Whether an address is one of the public internet. Text that is no address is not, nor is one with a zone. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !notPublic4.check(address, 'ipv4')
  if (!isIPv6(address) || address.includes('%')) return false
  return globalUnicast.check(address, 'ipv6') && !notPublic6.check(address, 'ipv6')
}

/** Whether an address is this machine. */
export function isLoopbackAddress(address: string): boolean {
  if (isIPv4(address)) return loopback4.check(address, 'ipv4')
  return isIPv6(address) && loopback6.check(address, 'ipv6')
}
