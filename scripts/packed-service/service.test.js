const core = require('@waybill/core')
const memory = require('@waybill/memory')
const { expected, roundTrip } = require('./round-trip.cjs')

it('publishes and subscribes in a jest without any configuration', async () => {
  expect(await roundTrip(core, memory)).toEqual(expected)
})

it.each(['kafka', 'rabbitmq', 'testkit'])('loads @waybill/%s', (name) => {
  expect(Object.keys(require(`@waybill/${name}`))).not.toEqual([])
})
