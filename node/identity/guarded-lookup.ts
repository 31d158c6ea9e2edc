import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { isLoopbackAddress, isPublicAddress } from './addresses.ts'

/** Asks for all addresses of a name. */
export type Resolve = (
  host: string,
  done: (error: Error | null, addresses: readonly LookupAddress[]) => void,
) => void

/** The resolver of the system: `/etc/hosts`, then DNS. */
export const systemResolve: Resolve = (host, done) => {
  systemLookup(host, { all: true, verbatim: true }, (error, addresses) => done(error, addresses))
}

/** A name has no address that may be connected to. */
export class AddressRefused extends Error {
  override readonly name: string = 'AddressRefused'
  readonly code = 'ADDRESS_REFUSED'
}

/**
 * The lookup of a connection about to be made. What it lets through is what is connected to, so there is no moment at
 * which a name could change its address unseen (DNS rebinding).
 */
export function guardedLookup(resolve: Resolve, allowPrivate: boolean): LookupFunction {
  return (host, options, done) => {
    resolve(host, (error, found) => {
      if (error !== null) return done(error, '')
      const allowed = found.filter(({ address }) => mayConnect(host, address, allowPrivate))
      const wanted = allowed.filter(
        (one) => !options.family || familyOf(options.family) === one.family,
      )
      const [first] = wanted
      if (first === undefined) return done(new AddressRefused('no address may be connected to'), '')
      if (options.all === true) done(null, wanted)
      else done(null, first.address, first.family)
    })
  }
}

/** Whether a host may be reached at an address. */
export function mayConnect(host: string, address: string, allowPrivate: boolean): boolean {
  // Unencrypted requests go there, so the name must mean what it says (RFC 6761 §6.3).
  if (isLocalhost(host)) return allowPrivate && isLoopbackAddress(address)
  return allowPrivate || isPublicAddress(address)
}

/** Whether a host in a URL is this machine and nothing else. */
export function isLocalhost(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host)
}

function familyOf(family: number | 'IPv4' | 'IPv6'): number {
  if (family === 'IPv4') return 4
  return family === 'IPv6' ? 6 : family
}
