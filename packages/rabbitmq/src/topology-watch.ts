import type { Timer, TopicTopology, TransportContext } from '@waybill/core/spi'
import { errorText } from './errors.js'
import type { Link } from './link.js'
import { queuesOf } from './queues.js'
import type { Topology } from './topology.js'

/** However many queues there are, they are looked for one at a time, and not faster than this. */
const minStepMs = 20

/**
 * Looks for every queue and binding again and again. `mandatory` only sees a message that reached no queue
 * at all: without this, one group's missing queue would lose its messages silently.
 */
export class TopologyWatch {
  readonly #context: TransportContext
  readonly #topology: Topology
  readonly #link: () => Link | undefined
  readonly #roundMs: number
  #timer: Timer | undefined
  #running = false
  /** Topics that are being looked for at once: every message that is returned asks for it. */
  readonly #checking = new Set<TopicTopology>()

  /** @param link the connection to ask on, while there is one */
  constructor(context: TransportContext, topology: Topology, link: () => Link | undefined, roundMs: number) {
    this.#context = context
    this.#topology = topology
    this.#link = link
    this.#roundMs = roundMs
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    void this.#run()
  }

  stop(): void {
    this.#running = false
    this.#timer?.cancel()
  }

  /** Looks for everything of one topic at once, or of all. */
  async checkNow(name?: string): Promise<void> {
    for (const topic of this.#topology.topics) {
      const link = this.#link()
      const wanted = name === undefined || name === topic.name
      if (link === undefined || !wanted || this.#checking.has(topic)) continue
      this.#checking.add(topic)
      await this.#restore(link, topic)
      this.#checking.delete(topic)
    }
  }

  async #run(): Promise<void> {
    while (this.#running) {
      const topics = this.#topology.topics
      const queues = topics.reduce((sum, topic) => sum + topic.partitions * topic.groups.length, 0)
      if (queues === 0) await this.#pause(this.#roundMs)
      for (const topic of topics) {
        if (await this.#isWhole(topic, this.#roundMs / queues)) this.#topology.whole(topic)
      }
    }
  }

  async #isWhole(topic: TopicTopology, stepMs: number): Promise<boolean> {
    const drifts = this.#topology.drifts(topic)
    let whole = true
    for (const queue of queuesOf(topic)) {
      await this.#pause(Math.max(minStepMs, stepMs))
      const link = this.#link()
      if (link === undefined) whole = false
      else if (!(await this.#topology.holds(link, topic, queue).catch(() => false))) {
        whole = false
        await this.#restore(link, topic)
      }
    }
    // What somebody else found missing meanwhile stays visible for another round.
    return whole && this.#topology.drifts(topic) === drifts
  }

  async #restore(link: Link, topic: TopicTopology): Promise<void> {
    try {
      await this.#topology.restore(link, topic)
    } catch (error) {
      this.#context.logger.warn(`Topic ${topic.name} could not be checked: ${errorText(error)}`)
    }
  }

  /** Never ends once stopped. */
  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#running) this.#timer = this.#context.clock.after(delayMs, resolve)
    })
  }
}
