// Calls between the bench and its processes, over the IPC channel of a child.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'

/** Commands of a role: name to argument and answer. */
export type Commands = Record<string, { readonly in: unknown; readonly out: unknown }>

/** The functions behind the commands of a role. */
export type Handlers<C extends Commands> = {
  readonly [K in keyof C]: (argument: C[K]['in']) => C[K]['out'] | Promise<C[K]['out']>
}

/** Calls one command of the process and waits for its answer. Rejects when it fails or the process ends. */
export type Call<C extends Commands> = <K extends keyof C & string>(
  command: K,
  argument: C[K]['in'],
) => Promise<C[K]['out']>

interface Question {
  readonly serial: number
  readonly command: string
  readonly argument: unknown
}

interface Reply {
  readonly serial: number
  readonly value?: unknown
  readonly fault?: string
}

function isQuestion(message: unknown): message is Question {
  return typeof message === 'object' && message !== null && 'command' in message
}

function isReply(message: unknown): message is Reply {
  return typeof message === 'object' && message !== null && 'serial' in message
}

/** Answers the commands of the parent until it goes away. */
export function answerParent<C extends Commands>(handlers: Handlers<C>): void {
  process.on('message', (message: unknown) => {
    if (!isQuestion(message)) return
    const { serial, command, argument } = message
    const handler = handlers[command]
    const answer = async (): Promise<unknown> => {
      if (handler === undefined) throw new Error(`no command ${command}`)
      return handler(argument)
    }
    answer().then(
      (value: unknown) => process.send?.({ serial, value }),
      (cause: unknown) => process.send?.({ serial, fault: String(cause) }),
    )
  })
}

/** Makes the caller for a child that answers by {@link answerParent}. */
export function caller<C extends Commands>(child: ChildProcess): Call<C> {
  let serial = 0
  return async (command, argument) => {
    const mine = ++serial
    const settled = new AbortController()
    try {
      return await new Promise((resolve, reject) => {
        const { signal } = settled
        const onMessage = (message: unknown): void => {
          if (!isReply(message) || message.serial !== mine) return
          if (message.fault === undefined) resolve(message.value)
          else reject(new Error(message.fault))
        }
        child.on('message', onMessage)
        signal.addEventListener('abort', () => child.off('message', onMessage))
        once(child, 'exit', { signal }).then(
          () => reject(new Error(`the process ended during ${command}`)),
          () => undefined,
        )
        child.send({ serial: mine, command, argument })
      })
    } finally {
      settled.abort()
    }
  }
}
