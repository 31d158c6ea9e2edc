import { listedItem, type Listed } from '../../protocol/listing.ts'
import { META } from '../../protocol/meta.ts'
import type { Delegated, Returned } from '../core/stages.ts'
import type { Upstream } from './exchange.ts'

/** Name of the tool that stands for the sign-in, as if the upstream had it. */
export const SIGN_IN_TOOL = 'sign_in'

/** How long a caller that has just signed in waits for what can be listed now, milliseconds. */
const LIST_PATIENCE_MS = 5_000

/** The sign-in tool of one upstream. */
export interface SignInTool {
  /** Whether it is listed: an upstream that has a tool of that name keeps its own. */
  readonly isShown: () => boolean
  /** Fetches what the upstream lists, from now on. Resolves when that is over; never rejects. */
  readonly refresh: () => Promise<void>
}

/**
 * The tool an upstream has where callers sign in themselves: what else it has may be unknown until somebody did, and a
 * client must have something to call to be asked.
 */
export function signInTool(label: string): Listed {
  const description = `Signs you in to "${label}" in your browser, with your own account there. Call it when tools of "${label}" are missing.`
  return listedItem('tool', {
    name: SIGN_IN_TOOL,
    title: `Sign in to ${label}`,
    description,
    inputSchema: { type: 'object', properties: {} },
    annotations: { readOnlyHint: true },
  })
}

/** Whether a call is for that tool, and not for one of the upstream. */
export function isSignIn({ signIn }: Upstream, { entry, candidate }: Delegated): boolean {
  return entry.kind === 'tool' && candidate.name === SIGN_IN_TOOL && signIn?.isShown() === true
}

/** The answer to it: whoever gets so far is signed in. */
export async function signedIn(
  { link, signIn }: Upstream,
  { received }: Delegated,
  serverInfo: string,
): Promise<Returned> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LIST_PATIENCE_MS)
  })
  await Promise.race([signIn?.refresh(), patience])
  clearTimeout(timer)
  const text = `You are signed in to "${link.label}". List the tools again to see what it has.`
  const modern =
    received.caller.era === '2026'
      ? { resultType: 'complete', _meta: { [META.serverInfo]: JSON.parse(serverInfo) as unknown } }
      : {}
  const result = { ...modern, content: [{ type: 'text', text }] }
  const answer = { jsonrpc: '2.0', id: received.request.id, result }
  return { text: [Buffer.from(JSON.stringify(answer))], errorCode: undefined }
}
