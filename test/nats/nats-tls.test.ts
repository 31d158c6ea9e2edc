// Which certificates a NATS server may have that is dialled by its address.
import type { PeerCertificate } from 'node:tls'
import { expect, test } from 'vitest'
import { identityCheck } from '../../topology/bus-nats.ts'

function certificate(subjectaltname: string): PeerCertificate {
  return { subject: { CN: 'nats' }, subjectaltname } as unknown as PeerCertificate
}

test.each([
  ['tls://10.0.0.1:4222', 'localhost', 'IP Address:10.0.0.1', true],
  ['tls://10.0.0.1:4222', 'localhost', 'IP Address:10.0.0.2', false],
  ['tls://[::1]:4222', 'localhost', 'IP Address:0:0:0:0:0:0:0:1', true],
  ['tls://bus.example:4222', 'bus.example', 'DNS:bus.example', true],
  ['tls://bus.example:4222', 'bus.example', 'DNS:other.example', false],
  // The name that is asked for decides, whatever addresses are there besides.
  ['tls://10.0.0.1:4222', 'bus.example', 'IP Address:10.0.0.1', false],
  ['tls://bus.example:4222', 'localhost', 'DNS:bus.example', false],
])('for %s, asked for as %s, one for %s: %s', (url, host, names, isGood) => {
  expect(identityCheck([url])(host, certificate(names)) === undefined).toBe(isGood)
})
