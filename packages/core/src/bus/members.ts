import type { Clock } from '../clock.js'
import { ClosedError } from '../error/kinds.js'
import type { Handler } from '../message/message.js'
import type { AnyTopic } from '../topic/topic.js'
import type { Transport } from '../transport/transport.js'
import { Member } from './member.js'
import type { BusSettings, SubscribeOptions } from './options.js'
import type { Reports } from './reports.js'
import { resolveSubscribe } from './subscribe.js'
import type { CloseResult, Subscription, SubscriptionStatus } from './subscription.js'
import type { TopicRegistry } from './topic-registry.js'

export interface MembersInit {
  readonly settings: BusSettings & { readonly clientId: string }
  readonly transport: Transport
  readonly clock: Clock
  readonly reports: Reports
  readonly topics: TopicRegistry
  /** One of them has ended for good. */
  readonly failed: (error: Error) => void
}

/** The subscriptions of a bus, at most one for each group of a topic. */
export class Members {
  readonly #init: MembersInit
  readonly #members = new Map<string, Member>()
  #isClosing = false

  constructor(init: MembersInit) {
    this.#init = init
  }

  async subscribe(
    anyTopic: AnyTopic,
    options: SubscribeOptions,
    handler: Handler<unknown>,
  ): Promise<Subscription> {
    this.#mustBeOpen()
    const { transport, clock, settings, reports, topics } = this.#init
    const { capabilities } = transport
    const topic = topics.know(anyTopic)
    const nameOf = (group: string): string => `${topic.name}.${group}`
    const isTaken = (group: string): boolean => this.#members.has(nameOf(group))
    const resolved = resolveSubscribe(topic, options, handler, isTaken, capabilities)
    const { group } = options
    const emit = reports.emit.bind(reports)
    const consumption = { ...resolved, topic, group, handler, clock, capabilities, report: reports, emit }
    const member = new Member(consumption, settings.closeTimeoutMs, () => this.#ended(nameOf(group), member))
    this.#members.set(nameOf(group), member)
    try {
      await topics.declare(topic)
      this.#mustBeOpen()
      const request = {
        topic: { ...topic.topology, durability: settings.durability },
        group,
        memberId: settings.clientId,
        handlerTimeoutMs: resolved.handlerTimeoutMs,
      }
      await member.open(await transport.openConsumer(request, member.engine))
      this.#mustBeOpen()
    } catch (error) {
      this.#members.delete(nameOf(group))
      throw error
    }
    return member
  }

  status(): SubscriptionStatus[] {
    return [...this.#members.values()].map((member) => member.status())
  }

  /** From now on nobody can subscribe. Stops intake everywhere and waits for running handlers. */
  async drain(timeoutMs: number): Promise<CloseResult> {
    this.#isClosing = true
    const drained = await Promise.all([...this.#members.values()].map((member) => member.drain(timeoutMs)))
    return {
      finished: drained.reduce((sum, { finished }) => sum + finished, 0),
      aborted: drained.reduce((sum, { aborted }) => sum + aborted, 0),
      returned: drained.reduce((sum, { returned }) => sum + returned, 0),
    }
  }

  /** Acknowledges what finished and leaves the groups. */
  async leave(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#members.values()].map((member) => member.leave(timeoutMs)))
  }

  #ended(name: string, member: Member): void {
    this.#members.delete(name)
    const { error } = member.status()
    if (error !== undefined && !this.#isClosing) this.#init.failed(error)
  }

  #mustBeOpen(): void {
    if (this.#isClosing) throw new ClosedError('The bus')
  }
}
