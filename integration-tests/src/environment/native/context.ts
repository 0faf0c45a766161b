import type { Watchdog } from '../watchdog.js'

/** What every native broker needs of its environment. */
export interface NativeContext {
  readonly watchdog: Watchdog
  readonly log: (line: string) => void
}
