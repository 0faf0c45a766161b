import type { SuiteOptions } from '@waybill/testkit'

/**
 * `WAYBILL_CASES` plays only conformance cases whose names match it (a regular expression); `WAYBILL_REPEAT`
 * plays every case so often at once: the stress mode.
 */
export function suiteOptions(
  { WAYBILL_CASES, WAYBILL_REPEAT }: NodeJS.ProcessEnv = process.env,
): SuiteOptions {
  return {
    ...(WAYBILL_CASES && { only: new RegExp(WAYBILL_CASES) }),
    ...(WAYBILL_REPEAT && { repeat: Number(WAYBILL_REPEAT), atOnce: 6 * Number(WAYBILL_REPEAT) }),
  }
}
