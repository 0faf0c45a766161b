export { kafka } from './driver.js'
export { kafkaOptionTable } from './options.js'
export type { KafkaCredentials, KafkaOptions, KafkaSettings } from './options.js'
