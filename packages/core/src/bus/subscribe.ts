import { ConfigError, type ConfigProblem } from '../error/kinds.js'
import { mustBeOptions, refuseUnknown, resolveOptions, show } from '../option/option.js'
import { exponential, type RetryPolicy } from '../policy/retry.js'
import type { ErasedTopic } from '../topic/topic.js'
import type { Capabilities } from '../transport/capabilities.js'
import { subscribeOptionTable, type SubscribeOptions, type SubscribeSettings } from './options.js'

/** Where intake can be paused and the user set nothing. */
const defaultMaxBufferedBytes = 67_108_864

export interface ResolvedSubscribe extends SubscribeSettings {
  readonly maxBufferedBytes: number
  readonly retry: RetryPolicy
}

/**
 * Everything that can be wrong with a `subscribe`, found before the broker is asked.
 * @throws ConfigError with every problem
 */
export function resolveSubscribe(
  topic: ErasedTopic,
  options: SubscribeOptions,
  handler: unknown,
  isTaken: (group: string) => boolean,
  capabilities: Capabilities,
): ResolvedSubscribe {
  mustBeOptions(`The subscription to topic "${topic.name}"`, options)
  const problems: ConfigProblem[] = []
  const settings = resolveOptions(subscribeOptionTable, options, problems)
  refuseUnknown(options, ['group', 'retry', ...Object.keys(subscribeOptionTable)], problems)
  if (typeof handler !== 'function') {
    problems.push({
      code: 'HANDLER_NOT_A_FUNCTION',
      path: 'handler',
      message: `must be a function, not ${show(handler)}`,
    })
  }
  checkGroup(topic, options.group, isTaken, problems)
  if (options.retry !== undefined && typeof options.retry.delayMs !== 'function') {
    problems.push({ code: 'CONFIG_INVALID', path: 'retry', message: 'must be made by exponential()' })
  }
  checkLimits(topic, settings, capabilities, problems)
  const [first, ...rest] = problems
  if (first !== undefined)
    throw new ConfigError(`The subscription of group ${show(options.group)} to topic "${topic.name}"`, [
      first,
      ...rest,
    ])
  return {
    ...settings,
    maxBufferedBytes: settings.maxBufferedBytes ?? defaultMaxBufferedBytes,
    retry: options.retry ?? exponential(),
  }
}

function checkGroup(
  topic: ErasedTopic,
  group: string,
  isTaken: (group: string) => boolean,
  problems: ConfigProblem[],
): void {
  const declared = topic.topology.groups.map(({ name }) => name)
  if (!declared.some((name) => name === group)) {
    const there = declared.length === 0 ? 'it declares none' : `it declares ${declared.join(', ')}`
    problems.push({
      code: 'GROUP_UNDECLARED',
      path: 'group',
      message: `${show(group)} is not a group of the topic (${there}); add it to defineTopic's \`groups\``,
    })
  } else if (isTaken(group)) {
    problems.push({
      code: 'GROUP_SUBSCRIBED_TWICE',
      path: 'group',
      message: `${show(group)} is subscribed in this bus already; raise \`concurrency\`, or use another bus for another member`,
    })
  }
}

/** Limits that the broker has, and bounds that it cannot keep. */
function checkLimits(
  topic: ErasedTopic,
  settings: SubscribeSettings,
  capabilities: Capabilities,
  problems: ConfigProblem[],
): void {
  const { maxHandlerMs, pausable } = capabilities
  if (maxHandlerMs !== undefined && settings.handlerTimeoutMs > maxHandlerMs) {
    problems.push({
      code: 'CONFIG_INVALID',
      path: 'handlerTimeoutMs',
      message: `${settings.handlerTimeoutMs} ms is longer than a handler may run on this broker (${maxHandlerMs} ms); lower it, or raise the broker's consumer timeout`,
    })
  }
  const { partitions, window, maxMessageBytes } = topic.topology
  const worstCase = partitions * window * maxMessageBytes
  if (pausable || settings.maxBufferedBytes === undefined || worstCase <= settings.maxBufferedBytes) return
  const fitting = Math.floor(settings.maxBufferedBytes / (partitions * maxMessageBytes))
  const remedy =
    fitting > 0
      ? `a window of ${fitting} would fit`
      : 'lower maxMessageBytes or partitions, for no window fits'
  problems.push({
    code: 'CONFIG_INVALID',
    path: 'maxBufferedBytes',
    message: `${settings.maxBufferedBytes} cannot be kept: this broker has no byte window, and ${partitions} partitions × window ${window} × maxMessageBytes ${maxMessageBytes} is ${worstCase}; ${remedy}`,
  })
}
