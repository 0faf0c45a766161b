import type { ConnectionState, Problem } from '../transport/report.js'

/** When it happened: milliseconds since the Unix epoch. */
interface At {
  readonly atMs: number
}

/** A problem started or changed; it stays in `status().problems` until `problem.over`. */
export interface ProblemRaised extends At {
  readonly type: 'problem.raised'
  readonly problem: Problem
}
/** A problem is over. */
export interface ProblemOver extends At {
  readonly type: 'problem.over'
  readonly problem: Problem
}
/** Something went wrong once and is over: a handler threw, a progress record was ignored. */
export interface ProblemNoted extends At {
  readonly type: 'problem.noted'
  readonly problem: Problem
}
export interface ConnectionChanged extends At {
  readonly type: 'connection'
  readonly name: string
  readonly state: ConnectionState
  readonly cause?: unknown
}
/** Partitions came to this member, or left it. */
export interface PartitionsChanged extends At {
  readonly type: 'partitions.assigned' | 'partitions.revoked' | 'partitions.lost'
  readonly topic: string
  readonly group: string
  readonly partitions: readonly number[]
}
/** An outcome was unknown, and the messages are being sent again within their deadline. */
export interface PublishResent extends At {
  readonly type: 'publish.resent'
  readonly topic: string
  readonly partition: number
  readonly messages: number
}
/** A second copy of a message was acknowledged without running its handler. */
export interface DuplicateSkipped extends At {
  readonly type: 'duplicate.skipped'
  readonly topic: string
  readonly group: string
  readonly partition: number
  readonly id: string
  /** `twin`: our own republishing made two. `finished`: this process had finished it when its partition moved. `recorded`: the progress record says so. */
  readonly reason: 'twin' | 'finished' | 'recorded'
}

/** Everything a bus tells. */
export type BusEvent =
  | ProblemRaised
  | ProblemOver
  | ProblemNoted
  | ConnectionChanged
  | PartitionsChanged
  | PublishResent
  | DuplicateSkipped

export type BusEventType = BusEvent['type']
export type BusEventOf<K extends BusEventType> = BusEvent extends infer E
  ? E extends { readonly type: infer T }
    ? K extends T
      ? E
      : never
    : never
  : never
