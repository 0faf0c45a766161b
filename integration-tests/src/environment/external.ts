import type { BrokerHandle } from './broker.js'
import { probeKafka, probeRabbitmq, probeRedis } from './probes.js'
import type { BrokerProvider } from './provider.js'

const REMEDY = 'Use WAYBILL_BROKERS=native or testcontainers for that.'

/** Brokers that somebody else runs. They can be used, and neither configured nor harmed. */
export function externalProvider(env: NodeJS.ProcessEnv): BrokerProvider {
  return {
    name: 'external',
    async kafka(options) {
      refuseOptions('kafka', options)
      const url = required(env, 'WAYBILL_KAFKA_BROKERS')
      const brokers = url.split(',')
      await probeKafka(brokers)
      return {
        ...externalHandle('kafka', 'unknown', url),
        brokers,
        listeners: { PLAINTEXT: brokers },
        certificates: undefined,
        createScramUser: refuse('kafka', 'createScramUser'),
      }
    },
    async rabbitmq(options) {
      refuseOptions('rabbitmq', options)
      const url = required(env, 'WAYBILL_RABBITMQ_URL')
      return {
        ...externalHandle('rabbitmq', await probeRabbitmq(url), url),
        hosts: [new URL(url).host],
        tlsUrl: undefined,
        certificates: undefined,
        managementUrl: undefined,
        ctl: refuse('rabbitmq', 'ctl'),
        syncQueues: refuse('rabbitmq', 'syncQueues'),
      }
    },
    async redis(options) {
      refuseOptions('redis', options)
      const url = required(env, 'WAYBILL_REDIS_URL')
      return externalHandle('redis', await probeRedis(url), url)
    },
  }
}

function externalHandle<K extends BrokerHandle['kind']>(
  kind: K,
  version: string,
  url: string,
): BrokerHandle & { readonly kind: K } {
  return {
    kind,
    version,
    url,
    nodes: [],
    kill: refuse(kind, 'kill'),
    pause: refuse(kind, 'pause'),
    resume: refuse(kind, 'resume'),
    restart: refuse(kind, 'restart'),
    stop: async () => undefined,
  }
}

function refuseOptions(kind: string, options: object): void {
  const names = Object.keys(options)
  if (names.length > 0) throw new Error(`An external ${kind} cannot be given: ${names.join(', ')}. ${REMEDY}`)
}

function refuse(kind: string, action: string): () => Promise<never> {
  return async () => {
    throw new Error(`${action}() is not possible on an external ${kind}. ${REMEDY}`)
  }
}

function required(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name]
  if (!value) throw new Error(`${name} is not set, so there is no external broker of this kind to use.`)
  return value
}
