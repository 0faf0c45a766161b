/**
 * Publishes numbered orders of four customers in memory, and returns the numbers that the handler received,
 * by customer. The modules are given, so that each caller loads the packed packages in its own way.
 */
exports.roundTrip = async ({ connect, defineTopic }, { memory }) => {
  const orders = defineTopic({
    name: 'orders',
    key: (order) => order.customer,
    partitions: 3,
    groups: ['billing'],
  })
  const received = { ann: [], bob: [], eve: [], joe: [] }
  const customers = Object.keys(received)
  const published = Array.from({ length: 12 }, (_, number) => ({ customer: customers[number % 4], number }))
  const bus = await connect({ transport: memory() })
  await new Promise((resolve, reject) => {
    let left = published.length
    const handler = async ({ value }) => {
      received[value.customer].push(value.number)
      if (--left === 0) resolve()
    }
    bus
      .subscribe(orders, { group: 'billing' }, handler)
      .then(() => bus.publishMany(orders, published))
      .catch(reject)
  })
  await bus.close()
  return received
}

exports.expected = { ann: [0, 4, 8], bob: [1, 5, 9], eve: [2, 6, 10], joe: [3, 7, 11] }
