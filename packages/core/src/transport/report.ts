import type { ErrorCode } from '../error/codes.js'

/** Something that is wrong until it is over. Shown in `status()` meanwhile. */
export interface Problem {
  readonly code: ErrorCode
  /** What it concerns: `topic orders`, `partition orders/3 of billing`, `connection publisher`. */
  readonly subject: string
  /** What happened and what to do. Never holds a credential. */
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

/** The state of one connection to the broker. `blocked`: the broker takes no messages for now. */
export type ConnectionState = 'connecting' | 'connected' | 'blocked' | 'disconnected' | 'closed'

/** Where drivers and engines say what happens: each call is an event, a log line and a field of `status()`. */
export interface Reporter {
  /** A problem starts, or changed its message. The same code and subject is one problem. */
  raise(problem: Problem): void
  /** The problem is over. Unknown ones are ignored. */
  clear(code: ErrorCode, subject: string): void
  /** A problem that is over at once. */
  note(problem: Problem): void
  connection(name: string, state: ConnectionState, cause?: unknown): void
}
