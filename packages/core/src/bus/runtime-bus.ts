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
import { closeTimeoutOf } from './close-timeout.js'
import type { BusEventOf, BusEventType } from './events.js'
import type { Logger } from './logger.js'
import { graceMs } from './member.js'
import { Members } from './members.js'
import type { BusSettings, SubscribeOptions } from './options.js'
import { Reports } from './reports.js'
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
  readonly #members: Members
  #state: BusStatus['state'] = 'idle'
  #connecting: Promise<void> | undefined
  /** Settles when the transport has connected, or has not. */
  #reaching: Promise<void> | undefined
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
    // A subscription that ended for good ends the bus: nobody would notice half a service.
    const failed = (error: Error): void => {
      this.#error ??= error
      void this.close()
    }
    this.#members = new Members({
      settings,
      transport,
      clock,
      reports: this.#reports,
      topics: this.#topics,
      failed,
    })
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
    topic: T,
    options: SubscribeOptions<GroupOf<T>>,
    handler: Handler<OutputOf<T>>,
  ): Promise<Subscription> {
    this.#mustHaveConnected()
    return this.#members.subscribe(topic, options, handler as Handler<unknown>)
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
      subscriptions: this.#members.status(),
      problems: this.#reports.problems,
    }
  }

  close(options: CloseOptions = {}): Promise<CloseResult> {
    return (this.#closing ??= this.#close(closeTimeoutOf(options, this.#init.settings.closeTimeoutMs)))
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
      const context = { clientId: settings.clientId, clock, logger, report: this.#reports }
      await (this.#reaching = transport.connect(context))
      for (const topic of this.#init.topics) await this.#topics.declare(this.#topics.know(topic))
    } catch (error) {
      if (this.#closing === undefined) {
        this.#error = error instanceof Error ? error : undefined
        await this.close({ timeoutMs: 0 })
        throw error
      }
    }
    if (this.#closing !== undefined) throw new ClosedError('The bus')
    this.#state = 'connected'
  }

  async #close(timeoutMs: number): Promise<CloseResult> {
    const { clock, transport } = this.#init
    const isConnecting = this.#state === 'connecting'
    const until = clock.now() + timeoutMs
    const rest = (): number => Math.max(0, until - clock.now())
    this.#state = 'closing'
    if (isConnecting && this.#reaching !== undefined)
      await within(clock, this.#reaching, Math.max(timeoutMs, disconnectGraceMs))
    const result = await this.#members.drain(rest())
    await within(clock, this.#publishing.idle(), rest())
    await this.#members.leave(timeoutMs === 0 ? 0 : rest() + graceMs)
    // What was published while the members left.
    await within(clock, this.#publishing.idle(), rest())
    await within(clock, this.#publishing.close(), disconnectGraceMs)
    if (this.#reaching !== undefined) await within(clock, transport.close(), disconnectGraceMs)
    this.#state = this.#error === undefined ? 'closed' : 'failed'
    this.#resolveClosed(this.#error)
    return result
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
