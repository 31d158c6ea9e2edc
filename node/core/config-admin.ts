import { z } from 'zod'
import { defined, hostValue, listenAddress, slug, text } from './config-fields.ts'
import { endTime } from './config-identity-fields.ts'
import { checkKeys, keyHash } from './config-static-keys.ts'
import type { AdminKey, AdminSettings, TlsSettings } from './config-types.ts'

const adminKey: z.ZodType<AdminKey> = z
  .strictObject({
    name: slug.describe('Who holds it: in the log, where something was asked for.'),
    hash: keyHash,
    readOnly: z
      .boolean()
      .prefault(false)
      .describe('Whether it may only read, whatever "write" says.'),
    notAfter: endTime(
      'When it ends: a day, to its end in UTC, or a time of RFC 3339. Default: no end.',
    ).optional(),
  })
  .transform((key): AdminKey => defined(key))

const tls = z
  .strictObject({
    cert: text.describe(
      'PEM file of the certificate, then those between it and a root; relative to the folder of the file.',
    ),
    key: text.describe(
      'PEM file of its private key, without passphrase; relative to the folder of the file.',
    ),
  })
  .transform((files): TlsSettings => files)
  .describe('TLS of the admin listener; that of the node does not count here. Default: none.')

/** The part `admin`. */
export const adminSchema: z.ZodType<AdminSettings> = z
  .strictObject({
    listen: listenAddress
      .prefault('127.0.0.1:7490')
      .meta({ type: 'string' })
      .describe(
        'Where operators ask, host:port; port 0 is any free one. Never the port of node.listen: what is open to callers is not open to operators, and the other way round.',
      ),
    auth: z
      .enum(['keys', 'none'])
      .prefault('keys')
      .describe(
        'keys: every request needs one of "keys". none: whoever reaches it; only on loopback.',
      ),
    keys: z
      .array(adminKey)
      .max(100)
      .superRefine(checkKeys)
      .prefault([])
      .describe(
        'Keys of operators, sent as bearer tokens; "banyan token key --admin" makes one. They open no endpoint. Default: none.',
      ),
    write: z
      .boolean()
      .prefault(false)
      .describe(
        'Whether anything can be changed: reload, drain. Default: it can only be looked at.',
      ),
    console: z
      .boolean()
      .prefault(true)
      .describe(
        'Whether the console is served, a web page for operators at /console/. It holds no data itself, and asks for a key.',
      ),
    allowedHosts: z
      .array(hostValue)
      .prefault([])
      .describe(
        'Further values of the Host header to accept, host or host:port. Default: loopback and the host of "listen".',
      ),
    tls: tls.optional(),
  })
  .transform((admin): AdminSettings => defined(admin))
  .describe(
    'The listener for operators: status, views, sessions, policy, explanations. Default: there is none.',
  )
