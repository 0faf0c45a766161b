import type { ConsumerRequest, Membership, Progress, TransportConsumer } from '../../src/spi.js'

export interface Acknowledged extends Progress {
  readonly partition: number
  readonly epoch: number
}

export class FakeConsumer implements TransportConsumer {
  readonly request: ConsumerRequest
  readonly membership: Membership
  readonly acknowledged: Acknowledged[] = []
  readonly paused: Set<number> = new Set<number>()
  skipTo?: (partition: number, position: number) => Promise<void>
  onAcknowledge: () => Promise<void> = () => Promise.resolve()
  onLeave: () => Promise<void> = () => Promise.resolve()
  readonly #wrote: (call: string) => void

  constructor(request: ConsumerRequest, membership: Membership, wrote: (call: string) => void = () => {}) {
    this.request = request
    this.membership = membership
    this.#wrote = wrote
  }

  async acknowledge(partition: number, epoch: number, progress: Progress): Promise<void> {
    this.#wrote(`acknowledge ${partition} to ${progress.next}`)
    await this.onAcknowledge()
    this.acknowledged.push({ partition, epoch, ...progress })
  }

  async leave(): Promise<void> {
    this.#wrote('leave')
    await this.onLeave()
  }

  pause(partition: number): void {
    this.paused.add(partition)
  }

  resume(partition: number): void {
    this.paused.delete(partition)
  }
}
