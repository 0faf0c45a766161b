import type { Socket } from 'node:net'
import { backoff, type ConnectionState, type Timer } from '@waybill/core/spi'
import { KafkaFailure, type TopicDescription } from '../kafka-client.js'
import type { Internals } from './internals.js'
import { metadataRequest, type Metadata } from './metadata.js'
import { Node, type Address, type NodeSettings } from './node.js'

export interface ClusterSettings extends Omit<NodeSettings, 'opened'> {
  readonly bootstrap: readonly Address[]
  /** How often leaders, partitions and topic ids are learned anew. */
  readonly metadataMaxAgeMs: number
  readonly state: (state: ConnectionState, cause?: unknown) => void
}

const reconnectDelay = backoff({ initialDelayMs: 100, maxDelayMs: 5_000 })

/** The brokers of a cluster and what they lead. Finds its way back when all connections are lost. */
export class Cluster {
  readonly #settings: ClusterSettings
  readonly #nodes = new Map<number, Node>()
  readonly #topics = new Map<string, TopicDescription>()
  readonly #sockets = new Set<Socket>()
  readonly #bootstrap: readonly Node[]
  #controllerId = -1
  #refreshing: Promise<void> | undefined
  #upkeep: Timer | undefined
  #failures = 0
  #state: ConnectionState = 'connecting'
  #lastCause: unknown
  #closed = false

  constructor(settings: ClusterSettings) {
    this.#settings = settings
    this.#bootstrap = settings.bootstrap.map((address) => this.#node(address))
  }

  get internals(): Internals {
    return this.#settings.internals
  }

  get size(): number {
    return this.#nodes.size
  }

  /** @throws KafkaFailure of the first broker that was asked when none answers */
  async connect(): Promise<void> {
    this.#settings.state('connecting')
    await this.refresh()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#upkeep?.cancel()
    await Promise.all([...this.#nodes.values(), ...this.#bootstrap].map((node) => node.close()))
    this.#turn('closed')
  }

  /** Learns everything anew; calls at the same time share one request. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /** @throws KafkaFailure `UNKNOWN_TOPIC_OR_PARTITION` or what the broker says of the topic */
  async topic(name: string): Promise<TopicDescription> {
    const known = this.#topics.get(name)
    if (known !== undefined) return known
    const { topics } = await this.#ask([name])
    const found = topics.find((topic) => topic.name === name)
    if (found === undefined || found.errorCode !== 0) throw this.failure(found?.errorCode ?? 3)
    this.#topics.set(name, found)
    return found
  }

  forget(topic: string): void {
    this.#topics.delete(topic)
  }

  /** @throws KafkaFailure `LEADER_NOT_AVAILABLE` */
  async leader(topic: string, partition: number): Promise<Node> {
    const { partitions } = await this.topic(topic)
    const leader = partitions.find((candidate) => candidate.partition === partition)?.leader ?? -1
    return this.node(leader)
  }

  node(id: number): Node {
    const node = this.#nodes.get(id)
    if (node === undefined) throw new KafkaFailure('LEADER_NOT_AVAILABLE', `broker ${id} is not known`, false)
    return node
  }

  /** The node at an address that a broker told. */
  nodeAt(id: number, address: Address): Node {
    return this.#learn(id, address)
  }

  controller(): Node {
    return this.#nodes.get(this.#controllerId) ?? this.any()
  }

  any(): Node {
    const node = this.#candidates()[0]
    if (node === undefined) throw new KafkaFailure('UNREACHABLE', 'no broker is known', false)
    return node
  }

  /** A node with its id: only the broker itself answers for its configuration. */
  someone(): [number, Node] {
    const [entry] = this.#nodes
    if (entry === undefined) throw new KafkaFailure('UNREACHABLE', 'no broker is known', false)
    return entry
  }

  failure(errorCode: number): KafkaFailure {
    const error = this.internals.createErrorFromCode(errorCode)
    return new KafkaFailure(error.type ?? 'UNKNOWN', error.message, false)
  }

  async #refresh(): Promise<void> {
    try {
      const { topics } = await this.#ask([...this.#topics.keys()])
      for (const topic of topics) {
        if (topic.errorCode === 0) this.#topics.set(topic.name, topic)
        // A topic that is gone is not remembered; other errors pass, and what was known is still the best guess.
        else if (topic.errorCode === 3) this.#topics.delete(topic.name)
      }
      this.#failures = 0
      this.#upkeepIn(this.#settings.metadataMaxAgeMs)
    } catch (error) {
      this.#lastCause = error
      if (this.#state !== 'connecting') this.#upkeepIn(reconnectDelay(++this.#failures))
      throw error
    }
  }

  async #ask(topics: readonly string[]): Promise<Metadata> {
    let first: unknown
    for (const node of this.#candidates()) {
      if (this.#closed) break
      try {
        const metadata = await node.send('main', (versions) =>
          metadataRequest(this.internals, versions, topics),
        )
        this.#learnAll(metadata)
        return metadata
      } catch (error) {
        first ??= error
        if (error instanceof KafkaFailure && error.kind === 'AUTHENTICATION') throw error
      }
    }
    throw first ?? new KafkaFailure('CLOSED', 'the client is closed', false)
  }

  #candidates(): Node[] {
    const nodes = [...this.#nodes.values()]
    const turn = Math.floor(Math.random() * nodes.length)
    const rotated = [...nodes.slice(turn), ...nodes.slice(0, turn)]
    return [
      ...rotated.filter((node) => !node.isSuspect),
      ...rotated.filter((node) => node.isSuspect),
      ...this.#bootstrap.filter((node) => !nodes.includes(node)),
    ]
  }

  #learnAll({ brokers, controllerId }: Metadata): void {
    this.#controllerId = controllerId
    for (const { nodeId, host, port } of brokers) this.#learn(nodeId, { host, port })
    for (const [id, node] of this.#nodes) {
      if (brokers.some(({ nodeId }) => nodeId === id)) continue
      this.#nodes.delete(id)
      node.drop('the broker left the cluster')
    }
  }

  #learn(id: number, address: Address): Node {
    const known = this.#nodes.get(id)
    if (known !== undefined && isSame(known.address, address)) return known
    known?.drop('the broker moved')
    const node =
      this.#bootstrap.find((candidate) => isSame(candidate.address, address)) ?? this.#node(address)
    this.#nodes.set(id, node)
    return node
  }

  #node(address: Address): Node {
    return new Node(address, { ...this.#settings, opened: (socket) => this.#watch(socket) })
  }

  #watch(socket: Socket): void {
    const connected = this.#settings.ssl === undefined ? 'connect' : 'secureConnect'
    socket.once(connected, () => {
      this.#sockets.add(socket)
      this.#turn('connected')
    })
    socket.on('error', (error) => {
      this.#lastCause = error
    })
    socket.once('close', () => {
      if (!this.#sockets.delete(socket) || this.#sockets.size > 0 || this.#closed) return
      this.#turn('disconnected')
      this.#upkeepIn(reconnectDelay(++this.#failures))
    })
  }

  #upkeepIn(delayMs: number): void {
    this.#upkeep?.cancel()
    if (this.#closed) return
    this.#upkeep = this.#settings.clock.after(delayMs, () => {
      this.refresh().catch(() => undefined)
    })
  }

  #turn(state: ConnectionState): void {
    if (this.#state === state || this.#state === 'closed') return
    this.#state = state
    if (state === 'disconnected') this.#settings.state(state, this.#lastCause)
    else this.#settings.state(state)
  }
}

const isSame = (a: Address, b: Address): boolean => a.host === b.host && a.port === b.port
