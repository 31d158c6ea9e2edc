// Certificates for tests, made with the openssl program.
import { execFile } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A certificate with its key: paths and texts (PEM). */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
  readonly cert: string
  readonly key: string
  /** `x5t#S256` (RFC 8705 §3.1). */
  readonly thumbprint: string
}

/** A folder with a certificate authority. */
export class Authority {
  readonly #folder: string
  readonly ca: Certificate

  private constructor(folder: string, ca: Certificate) {
    this.#folder = folder
    this.ca = ca
  }

  static async make(): Promise<Authority> {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-tls-'))
    return new Authority(folder, await selfSigned(folder, 'ca'))
  }

  /** A certificate for 127.0.0.1 that the authority signed; with `self`, that it did not. */
  async issue(name: string, by: 'ca' | 'self' = 'ca'): Promise<Certificate> {
    if (by === 'self') return selfSigned(this.#folder, name)
    const at = (file: string): string => join(this.#folder, file)
    await openssl(
      'req',
      ...newKey(at(`${name}.key`)),
      '-out',
      at(`${name}.csr`),
      '-subj',
      `/CN=${name}`,
    )
    await writeFile(at(`${name}.ext`), 'subjectAltName=IP:127.0.0.1\n')
    await openssl(
      'x509',
      '-req',
      '-in',
      at(`${name}.csr`),
      '-days',
      '2',
      '-out',
      at(`${name}.pem`),
      '-CA',
      this.ca.certFile,
      '-CAkey',
      this.ca.keyFile,
      '-CAcreateserial',
      '-extfile',
      at(`${name}.ext`),
    )
    return read(at(`${name}.pem`), at(`${name}.key`))
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true })
  }
}

function openssl(...args: readonly string[]): Promise<unknown> {
  return run('openssl', args)
}

function newKey(file: string): readonly string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file]
}

async function selfSigned(folder: string, name: string): Promise<Certificate> {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  await openssl('req', '-x509', ...newKey(key), '-out', cert, '-days', '2', '-subj', `/CN=${name}`)
  return read(cert, key)
}

async function read(certFile: string, keyFile: string): Promise<Certificate> {
  const cert = await readFile(certFile, 'utf8')
  const { raw } = new X509Certificate(cert)
  const thumbprint = createHash('sha256').update(raw).digest('base64url')
  return { certFile, keyFile, cert, key: await readFile(keyFile, 'utf8'), thumbprint }
}
