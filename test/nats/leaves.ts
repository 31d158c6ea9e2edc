// A hub with an account for each of two organisations, whose servers are leaves of it: the inside stays in.
import { freePort, NatsServer } from './server.ts'

/** The account of one organisation at the hub: what it gives the other, and takes of it. */
function account(own: string, other: string): string {
  return `${own}: {
    users: [{ user: ${own}, password: p }]
    exports: [{ stream: "banyan-border.v1.${own}.>" }, { service: "banyan-bsync.v1.${own}" }]
    imports: [
      { stream: { account: ${other}, subject: "banyan-border.v1.${other}.>" } }
      { service: { account: ${other}, subject: "banyan-bsync.v1.${other}" } }
    ]
  }`
}

function hubConfig([a, b]: readonly [string, string], port: number): string {
  return `leafnodes: { host: 127.0.0.1, port: ${port} }
accounts: { ${account(a, b)}\n${account(b, a)} }`
}

function leafConfig(own: string, port: number): string {
  const remote = `url: "nats-leaf://${own}:p@127.0.0.1:${port}", deny_exports: ["banyan.>"], deny_imports: ["banyan.>"]`
  return `leafnodes: { reconnect: 1, remotes: [{ ${remote} }] }`
}

/** Starts the hub and a leaf for each; whoever calls stops them. */
export async function startLeaves(
  organisations: readonly [string, string],
): Promise<{ hub: NatsServer; leaves: NatsServer[] }> {
  const port = await freePort()
  const hub = await NatsServer.start(hubConfig(organisations, port))
  const leaves = await Promise.all(
    organisations.map((own) => NatsServer.start(leafConfig(own, port))),
  )
  return { hub, leaves }
}
