import type { Clock } from '../clock.js'
import { within } from '../clock.js'
import { ClosedError, PublishError } from '../error/kinds.js'
import { WaybillError } from '../error/waybill-error.js'
import type { Handler } from '../message/message.js'
import { PublishEngine } from '../publish/publish-engine.js'
import type { PublishOptions, PublishOutcome, Receipt } from '../publish/receipt.js'
import type { AnyTopic, GroupOf, InputOf, OutputOf } from '../topic/topic.js'
import type { Transport } from '../transport/transport.js'
import type { Bus, BusStatus } from './bus.js'
import type { BusEventOf, BusEventType } from './events.js'
import type { Logger } from './logger.js'
import { Member } from './member.js'
import type { BusSettings, SubscribeOptions } from './options.js'
import { Reports } from './reports.js'
import { resolveSubscribe } from './subscribe.js'
import type { CloseOptions, CloseResult, Subscription } from './subscription.js'
import { TopicRegistry } from './topic-registry.js'

export interface RuntimeBusInit {
  readonly settings: BusSettings & { readonly clientId: string; readonly source: string }
  readonly transport: Transport
  readonly topics: readonly AnyTopic[]
  readonly logger: Logger
  readonly clock: Clock
}

/** How long a close may wait for the transport to end its connections. */
const disconnectGraceMs = 5_000

/** Puts the engines, the transport and the reports together, and ends them in order. */
export class RuntimeBus implements Bus {
  readonly #init: RuntimeBusInit
  readonly #reports: Reports
  readonly #topics: TopicRegistry
  readonly #publishing: PublishEngine
  readonly #members = new Map<string, Member>()
  #state: BusStatus['state'] = 'idle'
  #connecting: Promise<void> | undefined
  #closing: Promise<CloseResult> | undefined
  #error: Error | undefined
  #resolveClosed: (error: Error | undefined) => void = () => undefined
  readonly #closed: Promise<Error | undefined>

  constructor(init: RuntimeBusInit) {
    const { settings, transport, clock, logger } = init
    this.#init = init
    this.#closed = new Promise((resolve) => (this.#resolveClosed = resolve))
    this.#reports = new Reports(clock, logger)
    this.#topics = new TopicRegistry(transport, settings.durability)
    for (const topic of init.topics) this.#topics.know(topic)
    this.#publishing = new PublishEngine({
      clock,
      transport: transport.name,
      source: settings.source,
      capabilities: () => transport.capabilities,
      settings,
      declare: (topic) => this.#topics.declare(topic),
      openPublisher: () => transport.openPublisher(),
      resent: (topic, partition, messages) =>
        this.#reports.emit({ type: 'publish.resent', atMs: clock.wallMs(), topic, partition, messages }),
    })
  }

  connect(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new ClosedError('The bus'))
    return (this.#connecting ??= this.#connect())
  }

  publish<T extends AnyTopic>(topic: T, value: InputOf<T>, options?: PublishOptions): Promise<Receipt> {
    try {
      this.#mustHaveConnected()
      return this.#publishing.publish(this.#topics.know(topic), value, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async publishMany<T extends AnyTopic>(
    topic: T,
    values: readonly InputOf<T>[],
    options?: Omit<PublishOptions, 'id'>,
  ): Promise<readonly PublishOutcome[]> {
    this.#mustHaveConnected()
    const known = this.#topics.know(topic)
    const isAdmitted = this.#publishing.hasRoom
    return Promise.all(
      values.map((value) =>
        this.#publishing.publish(known, value, options, isAdmitted).then(
          (receipt): PublishOutcome => ({ status: 'stored', receipt }),
          (error: unknown): PublishOutcome => {
            if (error instanceof PublishError) return { status: error.outcome, error }
            throw error
          },
        ),
      ),
    )
  }

  async subscribe<T extends AnyTopic>(
    anyTopic: T,
    options: SubscribeOptions<GroupOf<T>>,
    handler: Handler<OutputOf<T>>,
  ): Promise<Subscription> {
    this.#mustHaveConnected()
    if (this.#closing !== undefined) throw new ClosedError('The bus')
    const { transport, clock, settings } = this.#init
    const topic = this.#topics.know(anyTopic)
    const name = `${topic.name}.${options.group}`
    const resolved = resolveSubscribe(
      topic,
      options,
      handler,
      this.#members.has(name),
      transport.capabilities,
    )
    const consumption = {
      ...resolved,
      topic,
      group: options.group,
      handler: handler as Handler<unknown>,
      clock,
      capabilities: transport.capabilities,
      report: this.#reports,
      emit: this.#reports.emit.bind(this.#reports),
    }
    const member = new Member(consumption, settings.closeTimeoutMs, () => this.#ended(name, member))
    this.#members.set(name, member)
    try {
      await this.#topics.declare(topic)
      const request = {
        topic: { ...topic.topology, durability: settings.durability },
        group: options.group,
        memberId: settings.clientId,
        handlerTimeoutMs: resolved.handlerTimeoutMs,
      }
      const consumer = await transport.openConsumer(request, member.engine)
      member.open(consumer)
    } catch (error) {
      this.#members.delete(name)
      throw error
    }
    // close() may have come while the broker was asked.
    if (this.#closing !== undefined) {
      await member.close({ timeoutMs: 0 })
      throw new ClosedError('The bus')
    }
    return member
  }

  on<K extends BusEventType>(type: K, listener: (event: BusEventOf<K>) => void): () => void {
    return this.#reports.on(type, listener)
  }

  status(): BusStatus {
    return {
      state: this.#state,
      transport: this.#init.transport.name,
      connections: this.#reports.connections,
      publishing: this.#publishing.status(),
      subscriptions: [...this.#members.values()].map((member) => member.status()),
      problems: this.#reports.problems,
    }
  }

  close(options: CloseOptions = {}): Promise<CloseResult> {
    return (this.#closing ??= this.#close(options.timeoutMs ?? this.#init.settings.closeTimeoutMs))
  }

  closed(): Promise<Error | undefined> {
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #connect(): Promise<void> {
    const { transport, settings, clock, logger } = this.#init
    this.#state = 'connecting'
    try {
      await transport.connect({ clientId: settings.clientId, clock, logger, report: this.#reports })
      for (const topic of this.#init.topics) await this.#topics.declare(this.#topics.know(topic))
      if (this.#state === 'connecting') this.#state = 'connected'
    } catch (error) {
      this.#error = error instanceof Error ? error : undefined
      await this.close({ timeoutMs: 0 })
      throw error
    }
  }

  async #close(timeoutMs: number): Promise<CloseResult> {
    const { clock, transport } = this.#init
    const wasUsed = this.#state !== 'idle'
    this.#state = 'closing'
    const until = clock.now() + timeoutMs
    const members = [...this.#members.values()]
    const drained = await Promise.all(members.map((member) => member.drain(timeoutMs)))
    await within(clock, this.#publishing.idle(), Math.max(0, until - clock.now()))
    await Promise.all(members.map((member) => member.close({ timeoutMs: Math.max(0, until - clock.now()) })))
    await within(clock, this.#publishing.close(), disconnectGraceMs)
    if (wasUsed) await within(clock, transport.close(), disconnectGraceMs)
    this.#state = this.#error === undefined ? 'closed' : 'failed'
    this.#resolveClosed(this.#error)
    return {
      finished: sum(drained, (result) => result.finished),
      aborted: sum(drained, (result) => result.aborted),
      returned: sum(drained, (result) => result.returned),
    }
  }

  /** A subscription that ended for good ends the bus: nobody would notice half a service. */
  #ended(name: string, member: Member): void {
    this.#members.delete(name)
    const { error } = member.status()
    if (error === undefined || this.#closing !== undefined) return
    this.#error = error
    void this.close()
  }

  #mustHaveConnected(): void {
    if (this.#state !== 'idle' && this.#state !== 'connecting') return
    throw new WaybillError({
      code: 'BROKER_UNREACHABLE',
      retryable: true,
      message: 'The bus is not connected; await bus.connect() before it is used.',
    })
  }
}

const sum = (results: readonly CloseResult[], of: (result: CloseResult) => number): number =>
  results.reduce((total, result) => total + of(result), 0)
