import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Bus,
  type BusOptions,
  type CloseOptions,
  type Handler,
  type PublishOptions,
  type Receipt,
  type SubscribeOptions,
  type Subscription,
  type Topic,
  type Transport,
  connect,
  isWaybillError,
} from '@waybill/core'
import { type Verdict, check } from '../ledger/check.js'
import { type Entry, fileJournal, listJournal, readJournal } from '../ledger/journal.js'
import { createRecorder } from '../ledger/recorder.js'
import {
  type Member,
  type MemberOptions,
  type WorkTopicOptions,
  startMember,
  workTopic,
} from '../member/member.js'
import { type MemberProcess, spawnMember } from '../member/spawn.js'
import type { Work } from '../member/work.js'
import type { TransportHarness } from './harness.js'

export type WorkTopic = Topic<Work, Work, string>

export interface SceneBusOptions extends Omit<Partial<BusOptions>, 'transport'> {
  /** Whether `faults` can act on its transport. @default false */
  readonly cuttable?: boolean
  /** Puts something around the transport. */
  readonly around?: (transport: Transport) => Transport
}

const POLL_MS = 10
const LEDGER_POLL_MS = 50

/** Where one case plays: topics of its own, and everything it opens is closed at its end. */
export class Scene {
  readonly harness: TransportHarness
  readonly #name: string
  readonly #journalFile: string
  readonly #patienceMs: number
  readonly #entries: Entry[] = []
  readonly #buses = new Map<Bus, Transport>()
  readonly #members: Member[] = []
  readonly #recorders = new Map<Bus, ReturnType<typeof createRecorder>>()
  #count = 0

  /** @param name a topic name that no other scene has. */
  constructor(harness: TransportHarness, name: string, journalFile: string, patienceMs: number) {
    this.harness = harness
    this.#name = name
    this.#journalFile = journalFile
    this.#patienceMs = patienceMs
  }

  #unique(what: string): string {
    return `${this.#name}-${what}${(this.#count += 1)}`
  }

  topicOptions(options: Partial<WorkTopicOptions> = {}): WorkTopicOptions {
    return { name: this.#unique('t'), groups: ['g'], partitions: 2, ...options }
  }

  topic(options: Partial<WorkTopicOptions> = {}): WorkTopic {
    return workTopic(this.topicOptions(options))
  }

  async bus({ cuttable = false, around = (inner) => inner, ...options }: SceneBusOptions = {}): Promise<Bus> {
    const transport = this.harness.createTransport({ cuttable })
    const bus = await connect({ clientId: this.#unique('bus'), ...options, transport: around(transport) })
    this.#know(bus, transport)
    return bus
  }

  #know(bus: Bus, transport: Transport): void {
    this.#buses.set(bus, transport)
    this.#recorders.set(bus, createRecorder(listJournal(this.#unique('m'), this.#entries)))
  }

  transportOf(bus: Bus): Transport {
    return this.#of(this.#buses, bus)
  }

  /** Publishes, and notes it in the ledger. */
  publish(
    bus: Bus,
    topic: WorkTopic,
    key: string | undefined,
    value: Work = {},
    options: PublishOptions = {},
  ): Promise<Receipt> {
    return this.#of(this.#recorders, bus).publish(
      bus,
      topic,
      value,
      key === undefined ? options : { ...options, key },
    )
  }

  /** Subscribes with a handler that the ledger watches. */
  subscribe(
    bus: Bus,
    topic: WorkTopic,
    handler: Handler<Work> = () => undefined,
    options: Partial<SubscribeOptions> = {},
  ): Promise<Subscription> {
    const retry = { delayMs: () => 20 }
    return bus.subscribe(
      topic,
      { group: 'g', retry, ...options },
      this.#of(this.#recorders, bus).handler(handler),
    )
  }

  /** A member that can be killed: a process, where the transport can be had from one. */
  async member(
    topic: WorkTopicOptions,
    options: Partial<MemberOptions> = {},
  ): Promise<Member & Partial<MemberProcess>> {
    const settings = { group: 'g', ...options }
    const name = this.#unique('member')
    const member =
      this.harness.process === undefined
        ? await this.#memberHere(name, topic, settings)
        : await spawnMember({
            name,
            journal: this.#journalFile,
            transport: this.harness.process,
            topic,
            member: settings,
          })
    this.#members.push(member)
    return member
  }

  async #memberHere(name: string, topic: WorkTopicOptions, options: MemberOptions): Promise<Member> {
    const transport = this.harness.createTransport({ cuttable: true })
    const journal = fileJournal(name, this.#journalFile)
    let isDead = false
    // A handler of a crashed member runs on in this process, but the dead note nothing.
    const member = await startMember(transport, topic, options, {
      member: name,
      note: (event) => (isDead ? undefined : journal.note(event)),
    })
    const end = async (how: CloseOptions): Promise<void> => void (await member.close(how))
    return {
      ...member,
      kill: async () => {
        if (isDead) return
        journal.note({ type: 'killed', victim: name })
        isDead = true
        await this.harness.crash?.(transport)
        await end({ timeoutMs: 0 })
      },
    }
  }

  /** Everything noted so far. */
  entries(): readonly Entry[] {
    return [...this.#entries, ...readJournal(this.#journalFile)]
  }

  verdict(topic: { readonly name: string }, group: string = 'g', excused?: ReadonlySet<string>): Verdict {
    return check(this.entries(), { topic: topic.name, group, ...(excused && { excused }) })
  }

  /** Waits until handlers of the group have succeeded for so many messages. */
  async handled(
    topic: { readonly name: string },
    count: number,
    group: string = 'g',
    patienceMs: number = this.#patienceMs,
  ): Promise<Verdict> {
    await this.until(
      () => this.verdict(topic, group).handled >= count,
      () =>
        `${count} messages of ${topic.name} handled by ${group}, not ${this.verdict(topic, group).handled}`,
      patienceMs,
      LEDGER_POLL_MS,
    )
    return this.verdict(topic, group)
  }

  /** Waits until so many messages are handled and the broker has nothing left that could come again. */
  async drained(bus: Bus, topic: WorkTopic, count: number, group: string = 'g'): Promise<Verdict> {
    await this.handled(topic, count, group)
    await this.until(
      async () => (await this.backlog(bus, topic, group)) === 0,
      `nothing of ${topic.name} left for ${group}`,
      this.#patienceMs,
      LEDGER_POLL_MS,
    )
    return this.verdict(topic, group)
  }

  /** Messages stored for the group and not acknowledged, as the broker counts them; infinite while it cannot say. */
  async backlog(bus: Bus, topic: WorkTopic, group: string = 'g'): Promise<number> {
    const counting = this.transportOf(bus).inspect({ ...topic.topology, durability: 'as-is' }, group)
    const partitions = await counting.catch((error: unknown) => {
      if (isWaybillError(error) && error.retryable) return undefined
      throw error
    })
    if (partitions === undefined) return Number.POSITIVE_INFINITY
    return partitions.reduce((sum, { messages }) => sum + messages, 0)
  }

  /** @throws Error that says what did not come true. */
  async until(
    condition: () => boolean | Promise<boolean>,
    what: string | (() => string),
    patienceMs: number = this.#patienceMs,
    pollMs: number = POLL_MS,
  ): Promise<void> {
    const deadline = performance.now() + patienceMs
    while (!(await condition())) {
      if (performance.now() > deadline) {
        throw new Error(
          `After ${patienceMs} ms still waiting for: ${typeof what === 'string' ? what : what()}`,
        )
      }
      await sleep(pollMs)
    }
  }

  #of<T>(map: ReadonlyMap<Bus, T>, bus: Bus): T {
    const found = map.get(bus)
    if (found === undefined) throw new Error('This bus is not of this scene.')
    return found
  }

  async end(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.kill()))
    await Promise.all([...this.#buses.keys()].map((bus) => bus.close({ timeoutMs: 0 })))
  }
}

/** What a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('It resolved; it should have rejected.')
    },
    (error: unknown) => error,
  )
}

/** Something that handlers wait for until a test opens it. */
export interface Gate {
  readonly opened: Promise<void>
  open(): void
}

export function gate(): Gate {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}
