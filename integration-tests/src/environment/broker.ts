export type ProviderName = 'testcontainers' | 'native' | 'external'

/** Where tests get their brokers from. Whatever it starts also ends when its process does, however that ends. */
export interface BrokerEnvironment extends AsyncDisposable {
  readonly provider: ProviderName
  /** Why this provider was chosen, as one clause. */
  readonly reason: string
  /** Starts a broker; resolves when it serves. Each call starts another one. */
  kafka(options?: KafkaOptions): Promise<KafkaHandle>
  /** Starts a broker; resolves when it serves. Each call starts another one. */
  rabbitmq(options?: RabbitmqOptions): Promise<RabbitmqHandle>
  /** Starts a server; resolves when it serves. Each call starts another one. */
  redis(options?: RedisOptions): Promise<RedisHandle>
  /** Ends everything that was started here and removes its data. Idempotent. */
  stop(): Promise<void>
}

/** What a test can do to a node, or to all nodes of a broker. External brokers refuse every one of these. */
export interface Faults {
  /** SIGKILL; resolves when the process is gone. The data stays. */
  kill(): Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Starts again with the same ports and data, after killing what still runs; resolves when it serves. */
  restart(): Promise<void>
}

export interface NodeHandle extends Faults {
  readonly name: string
  readonly url: string
}

export interface BrokerHandle extends Faults {
  readonly kind: 'kafka' | 'rabbitmq' | 'redis'
  readonly version: string
  /** What a client connects to: `host:port` for Kafka, a URL with credentials for the others. */
  readonly url: string
  readonly nodes: readonly NodeHandle[]
  /** Ends the broker and removes its data. Idempotent. */
  stop(): Promise<void>
}

export type SecureListener = 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'

export interface Credentials {
  readonly username: string
  readonly password: string
}

export interface KafkaOptions {
  /** Nodes of the cluster, each broker and controller. Three keep three copies of their own topics. Default 1. */
  readonly nodes?: 1 | 3
  /** Broker properties, laid over the defaults of the environment. */
  readonly brokerConfig?: Readonly<Record<string, string>>
  /** Listeners beside the plain one. */
  readonly security?: {
    readonly listeners: readonly SecureListener[]
    /** May log in with PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
    readonly users?: readonly Credentials[]
    /** Whether TLS listeners demand a client certificate of the environment's CA. Default false. */
    readonly clientCertificate?: boolean
  }
  /**
   * Port of a TCP proxy on 127.0.0.1. Adds a listener (`listeners.PROXIED`, the address the proxy forwards to)
   * whose clients are told to reach the broker through the proxy. Only for one node.
   */
  readonly proxyPort?: number
}

export interface KafkaHandle extends BrokerHandle {
  readonly kind: 'kafka'
  /** Plain `host:port` of every node. */
  readonly brokers: readonly string[]
  /** `host:port` of every node, by listener. */
  readonly listeners: Readonly<Partial<Record<'PLAINTEXT' | 'PROXIED' | SecureListener, readonly string[]>>>
  /** Present when a TLS listener was asked for. */
  readonly certificates: Certificates | undefined
  /** Creates or replaces a user for SCRAM-SHA-256 and SCRAM-SHA-512. */
  createScramUser(user: Credentials): Promise<void>
}

export interface RabbitmqOptions {
  /** Lines of `rabbitmq.conf`, after those of the environment. */
  readonly config?: readonly string[]
  /** Adds a TLS port, and EXTERNAL log-in by client certificate as the user `waybill-client`. Default false. */
  readonly tls?: boolean
  readonly plugins?: readonly string[]
}

export interface RabbitmqHandle extends BrokerHandle {
  readonly kind: 'rabbitmq'
  /** `host:port` of every node. */
  readonly hosts: readonly string[]
  /** `amqps://` URL, when `tls` was asked for. */
  readonly tlsUrl: string | undefined
  readonly certificates: Certificates | undefined
  /** HTTP API with credentials; only where the provider runs the management plugin. */
  readonly managementUrl: string | undefined
  /** Runs `rabbitmqctl` against the first node; resolves to what it printed. */
  ctl(...args: readonly string[]): Promise<string>
  /**
   * Makes the declared quorum queues safe from `kill()`. RabbitMQ (3.10.8 and 4.0.5) writes their registration to disk
   * about a second after the declaration; a node killed before that comes back with the queue empty and leaderless.
   */
  syncQueues(): Promise<void>
}

export interface RedisOptions {
  /** Directives as for the command line: `{ maxmemory: '2mb' }`. */
  readonly config?: Readonly<Record<string, string>>
}

export interface RedisHandle extends BrokerHandle {
  readonly kind: 'redis'
}

/** PEM texts. Both certificates are issued by `ca`; the server's is valid for localhost and 127.0.0.1. */
export interface Certificates {
  readonly ca: string
  readonly server: { readonly cert: string; readonly key: string }
  readonly client: { readonly cert: string; readonly key: string }
}
