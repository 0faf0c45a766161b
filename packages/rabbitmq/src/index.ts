export { rabbitmq } from './driver.js'
export { rabbitmqOptionTable } from './options.js'
export type { RabbitmqOptions, RabbitmqTimes, TlsOptions } from './options.js'
