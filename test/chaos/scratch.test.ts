import { test } from 'vitest'
import { setTimeout as pause } from 'node:timers/promises'
import { subscriberOf, urisAt } from '../mesh/subscriber.ts'
import { Stage } from './stage.ts'
test('scratch', async () => {
  const stage = await Stage.set({
    kind: { transport: 'http', era: '2025' },
    fault: 'middle',
    caller: '2026',
  })
  await stage.works()
  const uri = (await urisAt(stage.url)).get('static 1') ?? ''
  const s = await subscriberOf('2026', stage.url, [uri])
  const heard: unknown[] = []
  void (async () => {
    for (;;) {
      const m = await s.stream.next()
      if (!m) break
      heard.push(m)
    }
  })().catch(() => undefined)
  const show = (w: string) =>
    console.log(
      w,
      performance.now() | 0,
      JSON.stringify(
        stage.nodes.map((n) => [
          n.held,
          n.node.status().upstreams.map((u) => [u.phase, u.era, u.problem]),
        ]),
      ),
      stage.upstream.fixture?.watchers('test://static/1'),
      JSON.stringify(heard.splice(0)),
    )
  show('before')
  await stage.strike()
  show('struck')
  await stage.works()
  for (let i = 0; i < 30; i++) {
    await pause(250)
    stage.upstream.fixture?.touch('test://static/1')
    show('t')
  }
  console.log(
    JSON.stringify(
      stage.nodes.map((n) => n.logs),
      null,
      0,
    ),
  )
  await s.leave()
  await stage.close()
}, 30000)
