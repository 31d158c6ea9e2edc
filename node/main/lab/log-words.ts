/** What nodes write into their logs that labs follow them by. Each is a line of docs/events.md, which a test holds them to. */
export const LOG_WORDS = {
  listening: 'listening',
  operators: 'listening for operators',
  linkUp: 'a link of the mesh is up',
  linkDown: 'a link of the mesh is down',
  twin: 'a node says two things at once',
  refused: 'a record was refused',
  failover: 'a call goes another way',
} as const
