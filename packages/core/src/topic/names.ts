import type { ConfigProblem } from '../error/kinds.js'
import { show } from '../option/option.js'

const topicName = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/
const groupName = /^[A-Za-z0-9_-]+$/
const reservedSegment = /^(dead|retry|\d+)$/

/** Leaves room for `.<group>.<partition>` and `.dead` in the 249 characters Kafka takes and the 255 bytes of AMQP. */
export const maxTopicNameLength = 160
export const maxGroupNameLength = 60

/**
 * Names that could not stand for something else on a broker: a topic owns `orders.billing` (Kafka
 * group), `orders.billing.7` (queue) and `orders.billing.dead` (dead letters).
 */
export function checkTopicName(name: unknown, problems: ConfigProblem[]): void {
  const add = (message: string): void => {
    problems.push({ code: 'NAME_INVALID', path: 'name', message })
  }
  if (typeof name !== 'string' || !topicName.test(name)) {
    return add(`must be segments of letters, digits, "_" and "-" joined by dots, not ${show(name)}`)
  }
  if (name.length > maxTopicNameLength)
    add(`has ${name.length} characters; at most ${maxTopicNameLength} fit`)
  const last = name.slice(name.lastIndexOf('.') + 1)
  if (reservedSegment.test(last))
    add(`ends in "${last}", which names dead letters, retries or partitions; use another last segment`)
}

export function checkGroupName(name: unknown, path: string, problems: ConfigProblem[]): void {
  const add = (message: string): void => {
    problems.push({ code: 'NAME_INVALID', path, message })
  }
  if (typeof name !== 'string' || !groupName.test(name)) {
    return add(`must be letters, digits, "_" and "-" without a dot, not ${show(name)}`)
  }
  if (reservedSegment.test(name))
    add(`${show(name)} is reserved for dead letters, retries and partitions; use another name`)
  if (name.length > maxGroupNameLength)
    add(`has ${name.length} characters; at most ${maxGroupNameLength} fit`)
}
