import { createRequire } from 'node:module'
import type { Pool as UndiciPool } from 'undici'

/**
 * The pool of undici alone. Its front door loads fetch, WebSocket, caches and cookies as well: ten megabytes that every
 * node would hold and never use. The version is pinned, and the connection contract runs over it.
 */
export const Pool: typeof UndiciPool = createRequire(import.meta.url)(
  'undici/lib/dispatcher/pool.js',
) as typeof UndiciPool
