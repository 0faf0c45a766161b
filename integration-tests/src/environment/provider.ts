import type {
  KafkaHandle,
  KafkaOptions,
  ProviderName,
  RabbitmqHandle,
  RabbitmqOptions,
  RedisHandle,
  RedisOptions,
} from './broker.js'

/** One way to get brokers. The environment keeps track of what it started. */
export interface BrokerProvider {
  readonly name: ProviderName
  kafka(options: KafkaOptions): Promise<KafkaHandle>
  rabbitmq(options: RabbitmqOptions): Promise<RabbitmqHandle>
  redis(options: RedisOptions): Promise<RedisHandle>
}
