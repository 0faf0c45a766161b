import assert from 'node:assert/strict'
import { connect, defineTopic } from '@waybill/core'
import { memory } from '@waybill/memory'
import { kafka } from '@waybill/kafka'
import { rabbitmq } from '@waybill/rabbitmq'
import { describeTransport } from '@waybill/testkit'
import { expected, roundTrip } from './round-trip.cjs'

for (const imported of [kafka, rabbitmq, describeTransport]) assert.equal(typeof imported, 'function')
assert.deepEqual(await roundTrip({ connect, defineTopic }, { memory }), expected)
