export type {
  BrokerEnvironment,
  BrokerHandle,
  Certificates,
  Credentials,
  Faults,
  KafkaHandle,
  KafkaOptions,
  NodeHandle,
  ProviderName,
  RabbitmqHandle,
  RabbitmqOptions,
  RedisHandle,
  RedisOptions,
  SecureListener,
} from './broker.js'
export { type EnvironmentOptions, createEnvironment } from './environment.js'
export { type PreflightOptions, preflight } from './preflight.js'
