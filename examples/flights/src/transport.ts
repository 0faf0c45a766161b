import type { Transport } from '@waybill/core'

export type Broker = { readonly kind: 'kafka' | 'rabbitmq'; readonly url: string }

/** The one place that knows which broker it is. */
export async function transportTo({ kind, url }: Broker): Promise<Transport> {
  if (kind === 'kafka') {
    const { kafka } = await import('@waybill/kafka')
    return kafka({ brokers: url.split(',') })
  }
  const { rabbitmq } = await import('@waybill/rabbitmq')
  return rabbitmq({ url })
}
