// What the kernel says about another process: processor time and memory. Linux only; elsewhere the answers are undefined.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Fields of /proc/PID/stat after the closing parenthesis of the command: state is the first (proc(5)). */
const UTIME = 11
const STIME = 12

/** Clock ticks of processor time in a line of /proc/PID/stat: user and system, all threads. */
export function ticksOf(stat: string): number {
  // The command stands in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[UTIME]) + Number(fields[STIME])
}

/** Resident kibibytes in the text of /proc/PID/status. */
export function residentOf(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN)
}

function readProc(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return undefined
  }
}

/** Clock ticks the process has used so far; undefined where there is no /proc. */
export function processorTicks(pid: number): number | undefined {
  const stat = readProc(pid, 'stat')
  return stat === undefined ? undefined : ticksOf(stat)
}

/** Resident memory of the process in mebibytes; undefined where there is no /proc. */
export function residentMb(pid: number): number | undefined {
  const status = readProc(pid, 'status')
  return status === undefined ? undefined : residentOf(status) / 1_024
}

/** Length of a clock tick in microseconds; undefined where getconf does not know it. */
export function tickMicroseconds(): number | undefined {
  try {
    return 1_000_000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  } catch {
    return undefined
  }
}
