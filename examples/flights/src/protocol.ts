import type { Finished } from './fold-table.js'
import type { Size } from './flights.js'
import type { Group } from './topic.js'
import type { Broker } from './transport.js'

/** What a process is to be: its only argument, as JSON. */
export type Role = { readonly broker: Broker; readonly topic: string } & (
  | { readonly is: 'publisher'; readonly records: Size; readonly perSecond: number }
  | { readonly is: 'member'; readonly group: Group }
)

/** What a process says. */
export type FromProcess =
  | { readonly type: 'joined' }
  | { readonly type: 'published'; readonly count: number }
  | { readonly type: 'done' }
  | { readonly type: 'add'; readonly number: number; readonly finished: Finished }

/** What it is told. */
export type ToProcess =
  | { readonly type: 'leave' }
  | { readonly type: 'added'; readonly number: number; readonly result: 'added' | 'duplicate' }
