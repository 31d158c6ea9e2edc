import type { SecureContextOptions, TlsOptions } from 'node:tls'

/** What TLS is done with, PEM. */
export interface TlsMaterial {
  /** The certificate, and after it those between it and a root. */
  readonly cert: string
  readonly key: string
  /** Who signs the certificates of clients. Absent: none are asked for. */
  readonly clientCa?: string
}

/** What can be replaced while connections are open. */
export function secureContext({ cert, key, clientCa }: TlsMaterial): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', ...(clientCa !== undefined && { ca: clientCa }) }
}

/**
 * Options of a TLS server. A client may have no certificate, or one that is not signed as it must be: it then has none as far
 * as tokens are concerned (`certificateOf`), and is refused where one is needed, in words it understands.
 *
 * @param handshakeTimeout ms
 */
export function tlsOptions(material: TlsMaterial, handshakeTimeout: number): TlsOptions {
  return {
    ...secureContext(material),
    requestCert: material.clientCa !== undefined,
    rejectUnauthorized: false,
    handshakeTimeout,
    ALPNProtocols: ['http/1.1'],
  }
}

/** Whether an error is one of the handshake: an answer in plain HTTP would be noise to whoever is there. */
export function isHandshakeError(code: string | undefined): boolean {
  return code !== undefined && /^ERR_(?:SSL|TLS|OSSL)_/.test(code)
}
