import type { Fifo } from '../fifo.js'
import type { Entry } from './entry.js'
import { Flight } from './flight.js'

export interface BatchLimits {
  readonly messages: number
  readonly bytes: number
  /** Largest single record that the broker takes. */
  readonly recordBytes: number
}

/**
 * Takes the next batch from the head of a queue: there is no linger, what gathered while another
 * batch was under way is what goes. Stops at a message whose schema has not answered, for order.
 */
export function takeFlight(pending: Fifo<Entry>, limits: BatchLimits): Flight | undefined {
  const entries: Entry[] = []
  let bytes = 0
  for (let head = pending.peek(); head !== undefined; head = pending.peek()) {
    if (head.sizeBytes > limits.recordBytes) refuse(head, limits.recordBytes)
    if (!head.isSettled) {
      if (!head.ready || entries.length === limits.messages) break
      if (entries.length > 0 && bytes + head.sizeBytes > limits.bytes) break
      bytes += head.sizeBytes
      entries.push(head)
    }
    pending.shift()
  }
  return entries.length === 0 ? undefined : new Flight(entries)
}

function refuse(entry: Entry, limit: number): void {
  const why = `it counts ${entry.sizeBytes} bytes and the broker takes at most ${limit}; store the payload elsewhere and send a reference, or raise the broker's limit.`
  entry.refuse('MESSAGE_TOO_LARGE', why, undefined)
}

/** Cuts entries that go again, in order, into flights within the limits. */
export function cutFlights(entries: readonly Entry[], limits: BatchLimits): Flight[] {
  const flights: Flight[] = []
  let part: Entry[] = []
  let bytes = 0
  for (const entry of entries) {
    if (part.length === limits.messages || (part.length > 0 && bytes + entry.sizeBytes > limits.bytes)) {
      flights.push(new Flight(part))
      part = []
      bytes = 0
    }
    part.push(entry)
    bytes += entry.sizeBytes
  }
  if (part.length > 0) flights.push(new Flight(part))
  return flights
}
