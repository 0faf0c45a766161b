import { type Reporter, WaybillError } from '@waybill/core/spi'
import { reason } from './errors.js'
import type { OutOfRange } from './positions.js'
import type { UnreadableBatch } from './wire/record-set.js'

/** What a consumer reports of its partitions, in words. */
export class ConsumerProblems {
  readonly #report: Reporter
  readonly #topic: string
  readonly #group: string
  readonly #secrets: readonly string[]
  readonly #stalled = new Set<number>()

  constructor(report: Reporter, topic: string, group: string, secrets: readonly string[]) {
    this.#report = report
    this.#topic = topic
    this.#group = group
    this.#secrets = secrets
  }

  subject(partition: number): string {
    return `partition ${this.#topic}/${partition} of ${this.#group}`
  }

  stalled(partition: number, batch: UnreadableBatch): void {
    const subject = this.subject(partition)
    this.#stalled.add(partition)
    this.#report.raise({
      code: 'PARTITION_STALLED',
      subject,
      message: `A batch at offset ${batch.offset} of ${subject} cannot be read (${reason(batch.cause, this.#secrets)}). Other partitions go on; skipTo(${partition}, ${batch.next}) gives it up.`,
      details: { partition, offset: batch.offset, next: batch.next },
    })
  }

  /** The partition is moved on, or somebody else's. */
  over(partition: number): void {
    if (this.#stalled.delete(partition)) this.#report.clear('PARTITION_STALLED', this.subject(partition))
  }

  allOver(): void {
    for (const partition of this.#stalled) this.over(partition)
  }

  outOfRange(partition: number, position: number, { committed, earliest, latest }: OutOfRange): void {
    const subject = this.subject(partition)
    this.#report.note({
      code: 'OFFSET_OUT_OF_RANGE',
      subject,
      message: `Offset ${committed} of ${subject} is not in the log, which has ${earliest} to ${latest}. Consuming goes on at ${position}; what lies between is gone from the broker, or is delivered again. Check the topic's retention against the group's lag.`,
      details: { partition, offset: committed, earliest, latest, position },
    })
  }

  notAcknowledged(partition: number, next: number, error: unknown): WaybillError {
    return new WaybillError({
      code: 'ACKNOWLEDGE_FAILED',
      retryable: true,
      message: `Committing offset ${next} of ${this.subject(partition)} failed (${reason(error, this.#secrets)}). It is tried again.`,
      details: { partition, offset: next },
    })
  }

  notHeld(partition: number): WaybillError {
    const message = `This member does not hold ${this.subject(partition)}; skip on the member that does.`
    return new WaybillError({ code: 'PARTITION_NOT_HELD', message })
  }

  notAhead(partition: number, position: number, next: number): WaybillError {
    const message = `${this.subject(partition)} is read from offset ${next} on; skipTo needs a later one, not ${position}.`
    return new WaybillError({ code: 'CONFIG_INVALID', message })
  }
}
