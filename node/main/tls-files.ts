import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { ConfigError } from '../core/config-error.ts'
import type { TlsSettings } from '../core/config-types.ts'
import { secureContext, type TlsMaterial } from '../inbound/tls.ts'

/**
 * Reads the files TLS is done with, and tries them.
 *
 * @throws ConfigError naming the setting whose file cannot be read, or that they do not belong together
 */
export async function readTls({ cert, key, clientCa }: TlsSettings): Promise<TlsMaterial> {
  const material = {
    cert: await read('cert', cert),
    key: await read('key', key),
    ...(clientCa !== undefined && { clientCa: await read('clientCa', clientCa) }),
  }
  try {
    createSecureContext(secureContext(material))
  } catch {
    // What OpenSSL says may quote the files.
    const message = 'are no certificate and key that belong together, in PEM'
    throw new ConfigError([{ path: ['node', 'tls'], message }])
  }
  return material
}

async function read(setting: keyof TlsSettings, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    const message = `cannot be read${code}`
    throw new ConfigError([{ path: ['node', 'tls', setting], message }])
  }
}
