import type { Capabilities, Progress } from '../../src/spi.js'
import { decodeProgress } from '../../src/consume/progress-codec.js'
import type { Message } from '../../src/index.js'
import { consuming, record, topicOf, type Consuming } from './consuming.js'
import type { VirtualClock } from './virtual-clock.js'

/** How one run of a handler goes. */
export interface RunFate {
  readonly takesMs: number
  readonly fails: boolean
}

interface Stored {
  readonly key: string
  readonly id: string
  /** Ever handed to a member. */
  wasDelivered: boolean
}

interface Run {
  readonly member: number
  readonly key: string
  readonly id: string
  /** Its partition was lost under it. */
  isCutOff: boolean
}

interface Owner {
  readonly member: number
  readonly epoch: number
  readPosition: number
  /** Position in the log of each delivery, where deliveries are counted anew. */
  readonly deliveries: number[]
}

/** A group of two members on a broker that checks what they do: the partitions go where the test says. */
export class GroupModel {
  /** Everything that must not happen. */
  readonly faults: string[] = []
  readonly members: Consuming[]
  /** How often each message succeeded, and where. */
  readonly successes: { readonly id: string; readonly member: number }[] = []
  wasCutOff = false
  ackFailures = 0
  readonly #clock: VirtualClock
  readonly #capabilities: Capabilities
  readonly #fates: RunFate[]
  readonly #logs: Stored[][]
  readonly #owners: (Owner | undefined)[]
  readonly #committed: { next: number; record: string }[]
  readonly #settled: Set<number>[]
  readonly #runs = new Set<Run>()
  readonly #done = new Set<string>()
  #epochs = 0

  constructor(clock: VirtualClock, capabilities: Capabilities, fates: readonly RunFate[], window: number) {
    this.#clock = clock
    this.#capabilities = capabilities
    this.#fates = [...fates]
    this.#logs = [[], []]
    this.#owners = [undefined, undefined]
    this.#committed = [0, 1].map(() => ({ next: 0, record: '' }))
    this.#settled = [new Set(), new Set()]
    const topic = topicOf(window, 2)
    this.members = [0, 1].map((member) => {
      const made = consuming(clock, (message) => this.#handle(member, message), {
        topic,
        capabilities,
        concurrency: 2,
      })
      made.consumer.acknowledge = (partition, epoch, progress) =>
        this.#acknowledge(member, partition, epoch, progress)
      return made
    })
  }

  get unfinished(): string[] {
    return this.#logs.flatMap((log) => log.map(({ id }) => id).filter((id) => !this.#done.has(id)))
  }

  /** What the broker would deliver again if every member died now. */
  get unacknowledged(): number {
    const left = this.#logs.map((log, partition) =>
      this.#capabilities.acknowledgement === 'commit'
        ? log.length - this.#committed[partition]!.next
        : log.length - this.#settled[partition]!.size,
    )
    return left.reduce((sum, count) => sum + count, 0)
  }

  publish(partition: number, key: string): void {
    const log = this.#logs[partition]!
    log.push({ key: `${key}${partition}`, id: `${partition}/${log.length}`, wasDelivered: false })
  }

  /** Hands the owner up to `count` records that it has not read in this holding. */
  deliver(partition: number, count: number): void {
    const owner = this.#owners[partition]
    const { consumer, engine } = this.members[owner?.member ?? 0]!
    if (owner === undefined || consumer.paused.has(partition)) return
    const log = this.#logs[partition]!
    const records = []
    while (records.length < count && owner.readPosition < log.length) {
      const at = owner.readPosition++
      const stored = log[at]!
      if (this.#settled[partition]!.has(at)) continue
      const { key, id, wasDelivered } = stored
      stored.wasDelivered = true
      const position = this.#capabilities.stablePositions ? at : owner.deliveries.length
      owner.deliveries.push(at)
      records.push(record(position, { key, id, redelivered: wasDelivered }))
    }
    const next = this.#capabilities.stablePositions ? owner.readPosition : owner.deliveries.length
    engine.records(partition, owner.epoch, { records, next })
  }

  /** Gives a partition to a member; the one that has it finishes first, or is cut off. */
  async move(partition: number, member: number, isCut: boolean): Promise<void> {
    const owner = this.#owners[partition]
    if (owner !== undefined) {
      const { engine, consumer } = this.members[owner.member]!
      const held = [{ partition, epoch: owner.epoch }]
      if (isCut) {
        this.wasCutOff = true
        this.#owners[partition] = undefined
        for (const run of this.#runs)
          if (run.member === owner.member && run.id.startsWith(`${partition}/`)) run.isCutOff = true
        engine.lost(held)
      } else {
        const revoked = engine.revoking(held, 100_000)
        await this.#clock.advance(20_000)
        await revoked
        for (const run of this.#runs)
          if (run.member === owner.member && run.id.startsWith(`${partition}/`) && !run.isCutOff)
            this.faults.push(`${run.id} still ran when partition ${partition} was let go`)
      }
      consumer.paused.delete(partition)
    }
    const epoch = ++this.#epochs
    const { next, record: text } = this.#committed[partition]!
    const isCommit = this.#capabilities.acknowledgement === 'commit'
    this.#owners[partition] = { member, epoch, readPosition: isCommit ? next : 0, deliveries: [] }
    this.members[member]!.engine.assigned([
      { partition, epoch, logId: 'log', ...(isCommit ? { position: next, record: text } : {}) },
    ])
  }

  #handle(member: number, message: Message<string>): unknown {
    const fate = this.#fates.shift() ?? { takesMs: 0, fails: false }
    const run: Run = { member, key: message.key ?? '', id: message.value, isCutOff: false }
    for (const other of this.#runs) {
      if (other.key !== run.key || (other.member !== member && other.isCutOff)) continue
      this.faults.push(`${run.id} started while ${other.id} of its key ran`)
    }
    if (fate.takesMs === 0 && !fate.fails) return this.#succeeded(run)
    this.#runs.add(run)
    return new Promise<void>((resolve, reject) => {
      this.#clock.after(fate.takesMs, () => {
        this.#runs.delete(run)
        if (fate.fails) return reject(new Error('as the test wants'))
        this.#succeeded(run)
        resolve()
      })
    })
  }

  #succeeded({ id, key, member }: Run): void {
    if (this.successes.some((one) => one.id === id && one.member === member))
      this.faults.push(`member ${member} succeeded twice with ${id}`)
    this.successes.push({ id, member })
    if (this.#done.has(id)) return
    this.#done.add(id)
    const earlier = this.#logs.flat().filter((stored) => stored.key === key)
    for (const other of earlier.slice(
      0,
      earlier.findIndex((stored) => stored.id === id),
    ))
      if (!this.#done.has(other.id)) this.faults.push(`${id} succeeded before ${other.id}`)
  }

  async #acknowledge(member: number, partition: number, epoch: number, progress: Progress): Promise<void> {
    const owner = this.#owners[partition]
    if (this.ackFailures > 0) {
      this.ackFailures--
      throw new Error('the broker did not answer')
    }
    if (owner?.epoch !== epoch || owner.member !== member) return
    const { next, finished, record: text } = progress
    const isStable = this.#capabilities.stablePositions
    const below = isStable ? next : owner.deliveries.length
    const positions = Array.from({ length: below }, (_, at) => at).filter((at) => isStable || at < next)
    for (const at of [...positions, ...finished]) {
      const logged = isStable ? at : owner.deliveries[at]!
      this.#mustBeDone(partition, logged, 'acknowledged')
      if (this.#capabilities.acknowledgement === 'settle') this.#settled[partition]!.add(logged)
    }
    if (this.#capabilities.acknowledgement !== 'commit') return
    this.#committed[partition] = { next, record: text }
    if (text.length > this.#capabilities.progressBytes) this.faults.push(`a record of ${text.length} bytes`)
    const decoded = decodeProgress(text)
    if (typeof decoded === 'string') return void this.faults.push(`a record that is none: ${decoded}`)
    let at = decoded.base
    for (const [index, length] of decoded.runs.entries()) {
      for (const end = at + length; at < end; at++)
        if (index % 2 === 1) this.#mustBeDone(partition, at, 'recorded')
    }
  }

  #mustBeDone(partition: number, at: number, how: string): void {
    const { id } = this.#logs[partition]![at]!
    if (!this.#done.has(id)) this.faults.push(`${id} was ${how} and is not finished`)
  }
}
