// A strict reader of the Prometheus text exposition format 0.0.4: what it does not expect, it refuses.

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly samples: readonly Sample[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/
const VALUE = /^ ([-+]?(?:[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?|Inf)|NaN)$/
const SUFFIXES = { counter: [''], gauge: [''], histogram: ['_bucket', '_sum', '_count'] } as const

/** @throws Error that says which line is wrong */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line must end with a line feed')
  const families = new Map<string, Family & { samples: Sample[] }>()
  let current: (Family & { samples: Sample[] }) | undefined
  let help: readonly [string, string] | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') {
      if (families.has(name)) throw new Error(`twice: ${line}`)
      help = [name, rest]
    } else if (kind === 'TYPE') {
      if (help?.[0] !== name || !isType(rest)) throw new Error(`not behind its HELP: ${line}`)
      current = { name, help: help[1], type: rest, samples: [] }
      families.set(name, current)
    } else {
      const sample = parseSample(line)
      const allowed = current === undefined ? [] : SUFFIXES[current.type]
      if (!allowed.some((suffix) => sample.name === `${current?.name}${suffix}`)) {
        throw new Error(`not of the family before it: ${line}`)
      }
      current?.samples.push(sample)
    }
  }
  for (const family of families.values()) check(family)
  return families
}

function isType(text: string): text is Family['type'] {
  return Object.hasOwn(SUFFIXES, text)
}

function parseSample(line: string): Sample {
  const name = NAME.exec(line)?.[0]
  if (name === undefined) throw new Error(`no name: ${line}`)
  const labels: Record<string, string> = {}
  let rest = line.slice(name.length)
  if (rest.startsWith('{')) {
    rest = rest.slice(1)
    for (;;) {
      const found = LABEL.exec(rest)
      if (found?.[1] === undefined) throw new Error(`no label: ${line}`)
      if (Object.hasOwn(labels, found[1])) throw new Error(`a label twice: ${line}`)
      labels[found[1]] = (found[2] ?? '').replace(/\\(.)/g, (_, one: string) =>
        one === 'n' ? '\n' : one,
      )
      rest = rest.slice(found[0].length)
      if (!rest.startsWith(',')) break
      rest = rest.slice(1)
    }
    if (!rest.startsWith('}')) throw new Error(`labels without end: ${line}`)
    rest = rest.slice(1)
  }
  const value = VALUE.exec(rest)?.[1]
  if (value === undefined) throw new Error(`no value: ${line}`)
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) }
}

function check({ name, type, samples }: Family): void {
  const seen = new Set<string>()
  for (const sample of samples) {
    const key = `${sample.name} ${JSON.stringify(sample.labels, Object.keys(sample.labels).toSorted())}`
    if (seen.has(key)) throw new Error(`a series twice: ${key}`)
    seen.add(key)
    if (type === 'counter' && !(sample.value >= 0)) throw new Error(`${key} is negative`)
  }
  if (type === 'histogram') checkHistogram(name, samples)
}

/** Buckets grow, the last is without bound, and it is the count. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = Map.groupBy(samples, ({ labels }) => {
    return JSON.stringify(Object.entries(labels).filter(([label]) => label !== 'le'))
  })
  for (const [key, of] of series) {
    const buckets = of.filter((one) => one.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels: { le = '' } }) => Number(le.replace('Inf', 'Infinity')))
    const isOrdered = bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] ?? NaN))
    const grows = buckets.every(
      ({ value }, i) => i === 0 || value >= (buckets[i - 1]?.value ?? NaN),
    )
    const count = of.find((one) => one.name === `${name}_count`)?.value
    if (!isOrdered || !grows || bounds.at(-1) !== Infinity || buckets.at(-1)?.value !== count) {
      throw new Error(`${name}${key} is no histogram`)
    }
  }
}

/** The value of one series; undefined where there is none. */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name.replace(/_(?:count|sum)$/, '')) ?? families.get(name)
  return family?.samples.find(
    (one) =>
      one.name === name &&
      Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  )?.value
}
