const assert = require('node:assert/strict')
const core = require('@waybill/core')
const memory = require('@waybill/memory')
const { expected, roundTrip } = require('./round-trip.cjs')

for (const name of ['core/spi', 'kafka', 'rabbitmq', 'testkit'])
  assert.notEqual(Object.keys(require(`@waybill/${name}`)).length, 0, `@waybill/${name} exports nothing`)

void (async () => {
  assert.deepEqual(await roundTrip(core, memory), expected)
  const imported = await import('@waybill/core')
  assert.equal(imported.WaybillError, core.WaybillError, 'import and require give two WaybillError classes')
})()
