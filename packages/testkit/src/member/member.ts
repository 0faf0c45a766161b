import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Bus,
  type CloseOptions,
  type CloseResult,
  type SubscriptionStatus,
  type Topic,
  type Transport,
  connect,
  defineTopic,
} from '@waybill/core'
import type { Journal } from '../ledger/journal.js'
import { type Recorder, createRecorder } from '../ledger/recorder.js'
import { type Work, work } from './work.js'

/** How any process makes the transport of a test: an export of a module, called with options that JSON can carry. */
export interface TransportModule {
  /** A package, resolved from the working directory, or an absolute path. */
  readonly module: string
  readonly export: string
  readonly options: unknown
}

/** A topic as JSON can carry it; keys are given with each publish. */
export interface WorkTopicOptions {
  readonly name: string
  readonly groups: readonly string[]
  readonly partitions: number
  readonly window?: number
}

export interface MemberOptions {
  readonly group: string
  readonly concurrency?: number
  readonly commitIntervalMs?: number
  readonly handlerTimeoutMs?: number
  /** Wait after every failed attempt. @default 50 */
  readonly retryDelayMs?: number
  /** Handles every message at once, whatever it asks for. @default false */
  readonly hurried?: boolean
  /** Publishes as well, to so many keys in turn, without waiting for outcomes. @default 0 */
  readonly publishesToKeys?: number
}

/** One member of a group, in this process or in another. */
export interface Member {
  readonly name: string
  status(): Promise<SubscriptionStatus>
  /** Closes its bus. */
  close(options?: CloseOptions): Promise<CloseResult>
  /** Ends it without a close: SIGKILL, where it is a process. Resolves when it is dead. */
  kill(): Promise<void>
}

export function workTopic(options: WorkTopicOptions): Topic<Work, Work, string> {
  return defineTopic<Work>(options)
}

/** Joins with a bus of its own. Resolves when it is assigned or stands by. */
export async function startMember(
  transport: Transport,
  topicOptions: WorkTopicOptions,
  options: MemberOptions,
  journal: Journal,
): Promise<Omit<Member, 'kill'>> {
  const { hurried = false, retryDelayMs = 50, publishesToKeys = 0, ...settings } = options
  const bus = await connect({ transport, clientId: journal.member })
  const recorder = createRecorder(journal)
  const topic = workTopic(topicOptions)
  const handler = recorder.handler<Work>((message) => work(message, hurried))
  const retry = { delayMs: () => retryDelayMs }
  const subscription = await bus.subscribe(topic, { ...settings, retry }, handler)
  if (publishesToKeys > 0) void publishUntilClosed(bus, topic, recorder, publishesToKeys)
  return {
    name: journal.member,
    status: async () => subscription.status(),
    close: (close) => bus.close(close),
  }
}

const PUBLISH_EVERY_MS = 2

async function publishUntilClosed(
  bus: Bus,
  topic: Topic<Work, Work, string>,
  recorder: Recorder,
  keys: number,
): Promise<void> {
  for (let n = 0; bus.status().state === 'connected'; n += 1) {
    recorder.publish(bus, topic, { n }, { key: `key ${n % keys}` }).catch(() => undefined)
    await sleep(PUBLISH_EVERY_MS)
  }
}
