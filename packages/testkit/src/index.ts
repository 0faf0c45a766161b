export { createProxy } from './proxy/proxy.js'
export type { Direction, Proxy, ProxyOptions, ProxyStats } from './proxy/proxy.js'
export { amqpConfirm, kafkaReply } from './proxy/replies.js'
export type { Protocol, Reply } from './proxy/replies.js'
