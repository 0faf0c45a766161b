import { closeChannel } from './link.js'
import type { Link } from './link.js'
import type { PartitionChannel } from './partition-channel.js'

/** How long a partition must be quiet, with messages held and room for more, before the broker is asked why. */
const quietMs = 1_000

/**
 * Whether a held partition has to be given up in order.
 *
 * A single active consumer is not told that one with a higher priority took its place, and as long as it
 * holds anything, nobody gets more of that queue: it shows only in messages that are ready, but do not come.
 * And the broker's consumer timeout runs for every message held, also for those that only wait here.
 */
export async function mustGiveUp(
  link: Link,
  channel: PartitionChannel,
  broker: { readonly superseding: boolean; readonly consumerTimeoutMs: number },
): Promise<boolean> {
  if (channel.heldMs > broker.consumerTimeoutMs / 2) return true
  if (!broker.superseding || !isQuiet(channel)) return false
  return (await readyMessages(link, channel.queue)) > 0 && isQuiet(channel)
}

function isQuiet(channel: PartitionChannel): boolean {
  return channel.outstanding > 0 && channel.outstanding < channel.window && channel.quietMs >= quietMs
}

/** 0 also when the queue or the connection is gone, for that is dealt with where it is noticed. */
async function readyMessages(link: Link, queue: string): Promise<number> {
  try {
    const probe = await link.channel()
    const { messageCount } = await probe.checkQueue(queue)
    await closeChannel(probe)
    return messageCount
  } catch {
    return 0
  }
}
