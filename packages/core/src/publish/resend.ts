import { cutFlights, type BatchLimits } from './accumulator.js'
import type { Entry } from './entry.js'
import { Flight } from './flight.js'

export interface ResendPlan {
  /** What goes again, in call order, one flight after the other. */
  readonly flights: readonly Flight[]
  /** Batches that will not be sent again as they were. */
  readonly dropped: readonly Flight[]
  /** Whether there is anything to wait for before it goes again. */
  readonly isRetry: boolean
}

/**
 * What goes again after a failure, once all that was under way has landed (`landed`, in call order):
 * the identical batches where the driver stores those once, else marked records that keep call
 * order. A batch refused for what may be the fault of one record goes in halves, one after the other.
 */
export function planResend(
  landed: readonly Flight[],
  limits: BatchLimits,
  idempotentResend: boolean,
): ResendPlan {
  const failed = landed.filter((flight) => !flight.isSettled)
  const [first] = failed
  const isSplit = failed.length === 1 && first?.isRefusedWhole === true
  if (idempotentResend && !isSplit) return { flights: failed, dropped: [], isRetry: failed.length > 0 }
  const entries = orderSafe(landed.flatMap((flight) => flight.entries))
  markDoubtful(entries)
  const flights = isSplit ? halves(entries) : cutFlights(entries, limits)
  return { flights, dropped: failed, isRetry: !isSplit && flights.length > 0 }
}

/** The flight as it may go now: what was settled while it waited stays out, unless the batch must be identical. */
export function refit(flight: Flight, idempotentResend: boolean): Flight | undefined {
  const { live } = flight
  const isWhole = live.length === flight.entries.length
  if (isWhole || (live.length > 0 && idempotentResend && flight.isDoubtful && flight.mayRepeat)) return flight
  markDoubtful(live)
  return live.length === 0 ? undefined : new Flight(live)
}

function markDoubtful(entries: readonly Entry[]): void {
  for (const entry of entries) if (entry.maybeStored) entry.mark()
}

function halves(entries: readonly Entry[]): Flight[] {
  const middle = Math.ceil(entries.length / 2)
  const parts = [entries.slice(0, middle), entries.slice(middle)]
  return parts.filter((part) => part.length > 0).map((part) => new Flight(part))
}

/**
 * Which of these entries, in call order and all landed, may go again without overtaking. A broker
 * that answers no more has stored all up to some message, so unanswered ones keep their places; but
 * one that it refused has lost its place to a later one of its key that is or may be stored. It is
 * settled as what it is, and so is an unanswered one before a stored one.
 */
function orderSafe(entries: readonly Entry[]): Entry[] {
  const stored = new Set<string>()
  const maybeStored = new Set<string>()
  const safe: Entry[] = []
  for (const entry of entries.toReversed()) {
    const { orderKey, isRefused } = entry
    const isOvertaken =
      orderKey !== undefined && (stored.has(orderKey) || (isRefused && maybeStored.has(orderKey)))
    if (orderKey !== undefined && entry.isStored) stored.add(orderKey)
    if (orderKey !== undefined && entry.maybeStored) maybeStored.add(orderKey)
    if (entry.isSettled) continue
    if (isOvertaken) entry.giveUp('OVERTAKEN', overtaken)
    else safe.push(entry)
  }
  return safe.reverse()
}

const overtaken =
  'later messages of its key are or may be stored, so sending it again would break their order. republish() does it all the same.'
