import type { IssuerSettings } from '../core/config-identity-types.ts'

/** Whether this process makes the access tokens of the organisation. */
export function makesTokens(issuer: IssuerSettings | undefined): boolean {
  return issuer?.mode === 'embedded'
}

/** Whether this process signs the grants of the organisation. */
export function signsGrants(issuer: IssuerSettings | undefined): boolean {
  return makesTokens(issuer) || issuer?.grants?.mode === 'embedded'
}

/** Whether another node of the organisation is who tokens and grants are revoked at. */
export function followsRevocations(issuer: IssuerSettings | undefined): boolean {
  return issuer?.mode === 'node' || issuer?.grants?.mode === 'node'
}

/** Identifier of whoever makes the access tokens of the organisation. @param base URL of the node */
export function issuerIdOf(issuer: IssuerSettings | undefined, base: string): string {
  return issuer?.url ?? base
}

/**
 * Identifier grants of the organisation are signed under: what others list in their trust records. Another than that of
 * the issuer only where that is an authorization server which cannot sign them.
 *
 * @param base URL of the node
 */
export function signerIdOf(issuer: IssuerSettings | undefined, base: string): string {
  return issuer?.grants === undefined ? issuerIdOf(issuer, base) : (issuer.grants.url ?? base)
}
