export type PublishFault =
  | { readonly kind: 'lose-request' | 'lose-response' | 'reject' }
  | { readonly kind: 'delay'; readonly delayMs: number }

/**
 * What shall go wrong next, so that a test can see how a service takes it. Each call adds to what is
 * due; one batch or acknowledgement uses up one fault, in the order of the calls.
 */
export interface Faults {
  /** The next batches never arrive. Their publisher cannot know: unknown outcome, not stored. */
  loseRequest(times?: number): void
  /** The next batches are stored, and the answer is lost: unknown outcome, stored. */
  loseResponse(times?: number): void
  /** The broker refuses the next batches for good: `REJECTED_BY_BROKER`. */
  rejectPublish(times?: number): void
  /** The next batches take `delayMs` to arrive. They arrive even if their publisher gives them up. */
  delayPublish(delayMs: number, times?: number): void
  /** The next acknowledgements do not arrive: `ACKNOWLEDGE_FAILED`, retryable. */
  failAcknowledge(times?: number): void
}

export class FaultPlan implements Faults {
  readonly #publish: PublishFault[] = []
  #acknowledge = 0

  loseRequest(times: number = 1): void {
    this.#add({ kind: 'lose-request' }, times)
  }

  loseResponse(times: number = 1): void {
    this.#add({ kind: 'lose-response' }, times)
  }

  rejectPublish(times: number = 1): void {
    this.#add({ kind: 'reject' }, times)
  }

  delayPublish(delayMs: number, times: number = 1): void {
    this.#add({ kind: 'delay', delayMs }, times)
  }

  failAcknowledge(times: number = 1): void {
    this.#acknowledge += times
  }

  nextPublish(): PublishFault | undefined {
    return this.#publish.shift()
  }

  nextAcknowledge(): boolean {
    return this.#acknowledge > 0 && this.#acknowledge-- > 0
  }

  #add(fault: PublishFault, times: number): void {
    this.#publish.push(...Array<PublishFault>(times).fill(fault))
  }
}
