import { connect, defineTopic, type InputOf } from '@waybill/core'
import { kafka } from '@waybill/kafka'
import { memory } from '@waybill/memory'
import { rabbitmq } from '@waybill/rabbitmq'

const orders = defineTopic({
  name: 'orders',
  key: (order: { customer: string }) => order.customer,
  partitions: 3,
  groups: ['billing'],
})

export const order: InputOf<typeof orders> = { customer: 'ann' }
export const transports = [
  memory(),
  kafka({ brokers: ['localhost:9092'] }),
  rabbitmq({ url: 'amqp://localhost' }),
]

export async function run(): Promise<void> {
  const bus = await connect({ transport: memory() })
  await bus.subscribe(orders, { group: 'billing' }, async ({ value }) => {
    const customer: string = value.customer
    await bus.publish(orders, { customer })
  })
  // @ts-expect-error a group that the topic does not declare
  await bus.subscribe(orders, { group: 'shipping' }, async () => {})
}
