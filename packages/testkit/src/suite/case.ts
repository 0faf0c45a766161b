import type { Capabilities } from '@waybill/core/spi'
import type { Expect } from './runner.js'
import type { Scene } from './scene.js'

/** One promise of the contract, played out. Its name starts with the contract's row. */
export interface Case {
  readonly name: string
  play(scene: Scene): Promise<void>
}

/** What cases are made from. */
export interface CaseTools {
  readonly expect: Expect
  /** What the transport is declared to be able to do. */
  readonly capabilities: Capabilities
}

/** The part of a verdict that is the same after every undisturbed run. */
export const clean = {
  lost: [],
  unexpected: [],
  disordered: [],
  overlaps: [],
  abortedOverlaps: [],
  duplicates: [],
} as const

/** What even a run with a killed member has to keep. */
export const faithful = { lost: [], unexpected: [], disordered: [], overlaps: [] } as const

export const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)
