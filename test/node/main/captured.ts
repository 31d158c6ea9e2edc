// What is written to standard error meanwhile, which goes nowhere else.
import fs from 'node:fs'

/** Runs something, and gives what it wrote to standard error without waiting for anything. */
export async function capturedStandardError(run: () => void | Promise<void>): Promise<string> {
  const original = fs.writeSync
  let text = ''
  fs.writeSync = (fd: number, data: unknown, ...rest: unknown[]) => {
    if (fd !== 2) return (original as (...all: unknown[]) => number)(fd, data, ...rest)
    text += String(data)
    return Buffer.byteLength(String(data))
  }
  try {
    await run()
  } finally {
    fs.writeSync = original
  }
  return text
}
