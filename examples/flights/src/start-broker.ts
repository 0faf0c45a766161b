import type { Broker } from './transport.js'

export interface StartedBroker extends Broker {
  /** What to call it in front of people. */
  readonly name: string
  /** A topic that nobody has used before. */
  readonly topic: string
  stop(): Promise<void>
}

/** A broker from where the tests get theirs: containers, native processes, or one that is there already. */
export async function startBroker(kind: Broker['kind'], isExternal: boolean): Promise<StartedBroker> {
  const { createEnvironment, preflight } = await import('@waybill/integration-tests/environment')
  if (!isExternal) await preflight()
  const environment = await createEnvironment(isExternal ? { provider: 'external' } : {})
  try {
    const broker = kind === 'kafka' ? await environment.kafka() : await environment.rabbitmq()
    return {
      kind,
      url: broker.url,
      name: `${kind === 'kafka' ? 'Kafka' : 'RabbitMQ'} ${broker.version} (${environment.provider})`,
      topic: environment.provider === 'external' ? `flights-${Date.now().toString(36)}` : 'flights',
      stop: () => environment.stop(),
    }
  } catch (error) {
    await environment.stop()
    throw error
  }
}
