import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../node/core/config.ts'
import { ConfigError } from '../../../node/core/config-error.ts'
import type { TelemetrySettings } from '../../../node/core/config-types.ts'

const URL = 'https://collector.acme.example/v1/traces'

function read(telemetry: unknown, env: Record<string, string> = {}): TelemetrySettings | undefined {
  const node = { name: 'edge', organisation: 'acme', state: 'memory' }
  return parseConfig({ node, telemetry }, { env }).telemetry
}

function problems(telemetry: unknown): string {
  try {
    read(telemetry)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
  }
  return ''
}

describe('telemetry', () => {
  test('is off unless it is configured', () => {
    expect(read(undefined)).toBeUndefined()
  })

  test('has defaults for all but where it goes', () => {
    expect(read({ otlp: { url: URL } })).toEqual({
      otlp: { url: URL, headers: {}, timeout: 10_000 },
      sample: 1,
      tracesPerSecond: 50,
    })
  })

  test('takes keys of the collector from the environment, and keeps them to itself', () => {
    const headers = { Authorization: 'Bearer ${COLLECTOR_KEY}' }
    const settings = read({ otlp: { url: URL, headers } }, { COLLECTOR_KEY: 'secret-key' })
    expect(settings?.otlp.headers['authorization']?.reveal()).toBe('Bearer secret-key')
    expect(JSON.stringify(settings)).not.toContain('secret-key')
  })

  test.each([
    ['no url', { otlp: {} }, 'telemetry.otlp.url'],
    ['plain HTTP to elsewhere', { otlp: { url: 'http://collector.example/v1/traces' } }, 'https'],
    ['a share above one', { otlp: { url: URL }, sample: 1.5 }, 'telemetry.sample'],
    ['no trace a second', { otlp: { url: URL }, tracesPerSecond: 0 }, 'telemetry.tracesPerSecond'],
    ['a header of the connection', { otlp: { url: URL, headers: { host: 'x' } } }, 'headers'],
    ['a field nobody has', { otlp: { url: URL }, rate: 1 }, 'rate'],
  ])('refuses %s', (_, telemetry, text) => {
    expect(problems(telemetry)).toContain(text)
  })
})
