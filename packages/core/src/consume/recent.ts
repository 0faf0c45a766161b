import type { Delivery } from './delivery.js'
import type { FinishedRef } from './progress.js'

const generationSize = 10_000
const generationMs = 300_000

/**
 * A map that forgets by generations: it keeps the last 10,000 entries or 5 minutes, whichever is
 * less, and at most twice that. Forgetting entry by entry would cost more than all the rest.
 */
class Recent<K, V> {
  #young = new Map<K, V>()
  #old = new Map<K, V>()
  #since = 0

  get(key: K): V | undefined {
    return this.#young.get(key) ?? this.#old.get(key)
  }

  set(key: K, value: V, now: number): void {
    if (this.#young.size >= generationSize || now - this.#since > generationMs) {
      this.#old = now - this.#since > 2 * generationMs ? new Map<K, V>() : this.#young
      this.#young = new Map()
      this.#since = now
    }
    this.#young.set(key, value)
  }

  delete(key: K): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }
}

/**
 * Ids this member finished in a partition, to recognise **twins**: two copies that republishing
 * made. Two deliveries are twins only if the ids match and at least one carries the mark; a user who
 * publishes the same id twice gets both.
 */
export class TwinIds {
  readonly #finished = new Recent<string, boolean>()

  add(delivery: Delivery, now: number): void {
    if (delivery.id !== undefined) this.#finished.set(delivery.id, delivery.republished, now)
  }

  isTwin(delivery: Delivery): boolean {
    if (delivery.id === undefined) return false
    const marked = this.#finished.get(delivery.id)
    return marked !== undefined && (marked || delivery.republished)
  }

  clear(): void {
    this.#finished.clear()
  }
}

/**
 * What this member finished but could not acknowledge, because the partition had gone: when it comes
 * again it is acknowledged without running. Known by position where positions last; else by id, and
 * only if the broker says that it comes again: a new message with an old id is not the old one.
 */
export class Unacknowledged {
  readonly #byPosition: boolean
  readonly #counts = new Recent<number | string, number>()

  constructor(byPosition: boolean) {
    this.#byPosition = byPosition
  }

  add(ref: FinishedRef, now: number): void {
    const key = this.#keyOf(ref)
    if (key !== undefined) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1, now)
  }

  /** Whether this one was finished; true once for each time it was. */
  take(delivery: Delivery, now: number): boolean {
    if (!this.#byPosition && delivery.record.redelivered !== true) return false
    const key = this.#keyOf(delivery)
    const count = key === undefined ? undefined : this.#counts.get(key)
    if (key === undefined || count === undefined) return false
    if (count === 1) this.#counts.delete(key)
    else this.#counts.set(key, count - 1, now)
    return true
  }

  clear(): void {
    this.#counts.clear()
  }

  #keyOf(ref: FinishedRef): number | string | undefined {
    return this.#byPosition ? ref.position : ref.id
  }
}
