import type { ErrorCode } from './codes.js'

const brand: unique symbol = Symbol.for('waybill.error') as never

export interface WaybillErrorInit {
  readonly code: ErrorCode
  /** What happened, to what, and what to do about it. Never holds a credential. */
  readonly message: string
  /** Whether the same call may succeed later without a change by the caller. @default false */
  readonly retryable?: boolean
  readonly cause?: unknown
  readonly details?: Readonly<Record<string, unknown>>
}

/**
 * The one error type that leaves Waybill. Match on `code`, which is stable across releases; the
 * message is for people. Recognise it with {@link isWaybillError}, which also works when two copies
 * of the package are installed.
 */
export class WaybillError extends Error {
  override readonly name: string = 'WaybillError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>

  constructor(init: WaybillErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause })
    this.code = init.code
    this.retryable = init.retryable ?? false
    this.details = init.details ?? {}
    Object.defineProperty(this, brand, { value: true })
  }
}

/** Whether a value is an error of Waybill's, of whichever copy of the package. */
export function isWaybillError(value: unknown): value is WaybillError {
  return typeof value === 'object' && value !== null && brand in value
}
