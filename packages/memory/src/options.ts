import { ConfigError, number, refuseUnknown, resolveOptions } from '@waybill/core/spi'
import type { ConfigProblem, OptionTable } from '@waybill/core/spi'

/** Settings of the in-process broker; `docs/options.md` has defaults and bounds. */
export interface MemorySettings {
  /**
   * Messages kept until every group has acknowledged them; more are rejected with `QUEUE_FULL`.
   * @default 100_000
   */
  readonly maxStoredMessages: number
  /** The same bound in bytes. @default 256 MiB */
  readonly maxStoredBytes: number
}

export const memoryOptionTable: OptionTable<MemorySettings> = {
  maxStoredMessages: number(100_000, 1, 10_000_000),
  maxStoredBytes: number(268_435_456, 1_024, 17_179_869_184),
}

export function resolveSettings(given: Partial<MemorySettings>): MemorySettings {
  const problems: ConfigProblem[] = []
  const settings = resolveOptions(memoryOptionTable, given, problems)
  refuseUnknown(given, Object.keys(memoryOptionTable), problems)
  refuse('The memory broker', problems)
  return settings
}

export function refuse(subject: string, problems: readonly ConfigProblem[]): void {
  const [first, ...rest] = problems
  if (first !== undefined) throw new ConfigError(subject, [first, ...rest])
}
