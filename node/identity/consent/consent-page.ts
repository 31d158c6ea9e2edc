import type { OAuthResponse } from '../../core/authentication.ts'

/** What the page asks about. All of it is shown as text. */
export interface Question {
  readonly node: string
  readonly upstream: string
  /** URL of the upstream without query. */
  readonly address: string
  /** Who will be able to use what is granted. */
  readonly subject: string
  readonly client: string
  /** Host of the authorization server. */
  readonly server: string
  readonly scopes: readonly string[]
  readonly formToken: string
}

/**
 * Headers of every page. It is in no cache and no frame, runs nothing, loads nothing, and says to nobody where it was: its
 * address is a secret. `form-action` is left out, because browsers hold redirects against it that this node cannot know.
 */
const HEADERS: readonly string[] = [
  'content-type',
  'text/html; charset=utf-8',
  'cache-control',
  'no-store',
  'content-security-policy',
  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  'x-frame-options',
  'DENY',
  'x-content-type-options',
  'nosniff',
  'referrer-policy',
  'no-referrer',
  'cross-origin-opener-policy',
  'same-origin',
]

/** The page that asks a user to agree before anything is sent anywhere. */
export function questionPage(question: Question, headers: readonly string[]): OAuthResponse {
  const { node, upstream, address, subject, client, server, scopes, formToken } = question
  const rows: readonly (readonly [string, string])[] = [
    ['Upstream', `${upstream} (${address})`],
    ['You sign in at', server],
    ['Used by', subject],
    ['Through the client', client],
    ['Asked for', scopes.length === 0 ? 'what the server gives by itself' : scopes.join(', ')],
  ]
  const table = rows
    .map(([name, value]) => `<tr><th>${escape(name)}</th><td>${escape(value)}</td></tr>`)
    .join('')
  const body = `<h1>Sign in to ${escape(upstream)}</h1>
<p>${escape(node)} asks for access in your name. It keeps the access for the user and client below, and uses it for their calls alone.</p>
<table>${table}</table>
<p><strong>Go on only if you are that user and have just asked for this in that client.</strong> If somebody sent you this address, close the page: they would act with your account.</p>
<form method="post"><input type="hidden" name="form" value="${escape(formToken)}"><button type="submit">Go on to ${escape(server)}</button></form>`
  return page(200, 'Sign in', body, headers)
}

/** A page that says how it ended. */
export function messagePage(
  status: number,
  title: string,
  text: string,
  headers: readonly string[] = [],
): OAuthResponse {
  return page(status, title, `<h1>${escape(title)}</h1>\n<p>${escape(text)}</p>`, headers)
}

/** Sends the browser on. */
export function redirect(location: string): OAuthResponse {
  const headers = ['location', location, 'cache-control', 'no-store']
  return { status: 303, headers: [...headers, 'referrer-policy', 'no-referrer'], body: '' }
}

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:3em auto;padding:0 1em}th{text-align:left;padding-right:1em;vertical-align:top}td{overflow-wrap:anywhere}button{font:inherit;padding:.5em 1em}'

function page(
  status: number,
  title: string,
  body: string,
  headers: readonly string[],
): OAuthResponse {
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${STYLE}</style>`
  return {
    status,
    headers: [...HEADERS, ...headers],
    body: `<!doctype html>\n<html lang="en"><head>${head}</head>\n<body>${body}</body></html>\n`,
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
