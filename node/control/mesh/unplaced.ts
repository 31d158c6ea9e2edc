import { Fault } from '../../../protocol/errors.ts'
import type { Connection, Connector } from '../../outbound/connection.ts'

/** Stands for a node that is not found yet: attempts to connect fail at once, and say what is known. */
export class UnplacedConnector implements Connector {
  readonly target: string
  readonly backoff: Connector['backoff'] = { min: 1_000, max: 30_000 }
  readonly #problem: () => string

  /** @param problem why it is not found, as of now */
  constructor(target: string, problem: () => string) {
    this.target = target
    this.#problem = problem
  }

  connect(): Promise<Connection> {
    return Promise.reject(new Fault('upstream_unavailable', this.#problem()))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
