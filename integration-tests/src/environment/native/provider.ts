import type { BrokerProvider } from '../provider.js'
import type { NativeContext } from './context.js'
import { nativeKafka } from './kafka.js'
import { nativeRabbitmq } from './rabbitmq.js'
import { nativeRedis } from './redis.js'

/** Brokers as processes of this machine: RabbitMQ and Redis from the PATH, Kafka from its jars. */
export function nativeProvider(context: NativeContext): BrokerProvider {
  return {
    name: 'native',
    kafka: (options) => nativeKafka(context, options),
    rabbitmq: (options) => nativeRabbitmq(context, options),
    redis: (options) => nativeRedis(context, options),
  }
}
