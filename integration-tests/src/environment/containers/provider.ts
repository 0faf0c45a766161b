import type { BrokerProvider } from '../provider.js'
import type { ContainerContext } from './context.js'
import { containerKafka } from './kafka.js'
import { containerRabbitmq } from './rabbitmq.js'
import { containerRedis } from './redis.js'

/** Brokers as containers of a Docker engine. */
export function containerProvider(context: ContainerContext): BrokerProvider {
  return {
    name: 'testcontainers',
    kafka: (options) => containerKafka(context, options),
    rabbitmq: (options) => containerRabbitmq(context, options),
    redis: (options) => containerRedis(context, options),
  }
}
