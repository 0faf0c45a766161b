import { type Clock, systemClock } from '@waybill/core/spi'
import { type JoinRequest, type KafkaClient, KafkaFailure } from '../src/client/kafka-client.js'
import { encodeAssignment } from '../src/group/protocol.js'
import { GroupSession, type SessionEvents } from '../src/group/session.js'
import { fakeClient } from './fake-client.js'

const speed = 50
/** Fifty times as fast: a heartbeat every 20 ms. */
const fastClock: Clock = {
  now: () => systemClock.now() * speed,
  wallMs: () => systemClock.wallMs(),
  after: (delayMs, task) => systemClock.after(delayMs / speed, task),
}

const failure = (kind: string): KafkaFailure => new KafkaFailure(kind, kind, false)

/** A group of one member, whose coordinator answers heartbeats as the test says; then well. */
function session(
  heartbeats: readonly (string | undefined)[],
  parts: { events?: Partial<SessionEvents>; client?: Partial<KafkaClient> } = {},
) {
  const log: string[] = []
  const answers = [...heartbeats]
  let generation = 0
  const client = fakeClient({
    refresh: async () => undefined,
    join: async ({ memberId }: JoinRequest, onMemberId: (id: string) => void) => {
      log.push(`join ${memberId === '' ? 'new' : memberId}`)
      onMemberId('m1')
      return { memberId: 'm1', generation: ++generation, members: [] }
    },
    sync: async () => encodeAssignment('t', [0, 1]),
    leave: async () => void log.push('leave'),
    heartbeat: async () => {
      const kind = answers.shift()
      if (kind === 'hangs') await new Promise(() => undefined)
      if (kind !== undefined) throw failure(kind)
    },
    ...parts.client,
  })
  const events: SessionEvents = {
    assigned: async (partitions) => void log.push(`assigned ${partitions.join(' ')}`),
    revoking: async () => void log.push('revoking'),
    lost: () => void log.push('lost'),
    failed: (error) => void log.push(`failed ${(error as KafkaFailure).kind}`),
    topicChanged: async () => undefined,
    partitionsOf: async () => [0, 1],
    held: () => [],
    ...parts.events,
  }
  const settings = {
    client,
    clock: fastClock,
    group: 'g',
    topic: 't',
    sessionTimeoutMs: 6_000,
    rebalanceTimeoutMs: 60_000,
  }
  return { session: new GroupSession(settings, events), log }
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !condition(); turn++)
    await new Promise((resolve) => setTimeout(resolve, 5))
  if (!condition()) throw new Error(`not in time: ${condition.toString()}`)
}

const joins = (log: readonly string[]): number => log.filter((line) => line.startsWith('join')).length

describe('a member of a Kafka group', () => {
  it('is let in, and leaves', async () => {
    const { session: member, log } = session([])
    await member.open()
    await member.close()
    await member.ended()
    expect(log).toEqual(['join new', 'assigned 0 1', 'leave'])
  })

  it('gives everything up before it joins again', async () => {
    const { session: member, log } = session(['REBALANCE_IN_PROGRESS'])
    await member.open()
    await until(() => joins(log) === 2)
    await member.close()
    expect(log.slice(0, 4)).toEqual(['join new', 'assigned 0 1', 'revoking', 'join m1'])
  })

  it('heartbeats while its handlers finish, and does not join before', async () => {
    let finish = (): void => undefined
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    let heartbeats = 0
    const { session: member, log } = session([], {
      events: { revoking: () => finished },
      client: {
        heartbeat: async () => {
          heartbeats++
          throw failure('REBALANCE_IN_PROGRESS')
        },
      },
    })
    await member.open()
    // Longer than the session timeout.
    await until(() => heartbeats > 8)
    expect(log).toEqual(['join new', 'assigned 0 1'])
    finish()
    await until(() => joins(log) === 2)
    await member.close()
    expect(log).not.toContain('lost')
  })

  it.each(['NOT_COORDINATOR_FOR_GROUP', 'GROUP_COORDINATOR_NOT_AVAILABLE', 'CONNECTION_LOST', 'TIMEOUT'])(
    'keeps what it holds through %s',
    async (kind) => {
      const { session: member, log } = session([kind, kind, undefined, undefined, 'REBALANCE_IN_PROGRESS'])
      await member.open()
      await until(() => joins(log) === 2)
      await member.close()
      expect(log).not.toContain('lost')
    },
  )

  it.each([
    ['UNKNOWN_MEMBER_ID', 'join new'],
    ['ILLEGAL_GENERATION', 'join m1'],
  ])('has lost everything after %s, and joins again', async (kind, again) => {
    const { session: member, log } = session([kind])
    await member.open()
    await until(() => joins(log) === 2)
    await member.close()
    expect(log.slice(2, 4)).toEqual(['lost', again])
  })

  it.each(['hangs', 'CONNECTION_LOST'])(
    'has lost everything when no heartbeat was answered for the session timeout: %s',
    async (kind) => {
      const { session: member, log } = session(Array.from({ length: 20 }, () => kind))
      await member.open()
      await until(() => log.includes('lost'))
      await member.close()
      expect(log.slice(0, 3)).toEqual(['join new', 'assigned 0 1', 'lost'])
    },
  )

  it('is told of a loss while its handlers finish', async () => {
    const { session: member, log } = session(['REBALANCE_IN_PROGRESS', 'UNKNOWN_MEMBER_ID'], {
      events: { revoking: () => new Promise((resolve) => setTimeout(resolve, 100)) },
    })
    await member.open()
    await until(() => joins(log) === 2)
    await member.close()
    expect(log.slice(2, 4)).toEqual(['lost', 'join new'])
  })

  it('joins again when what it needs to read cannot be loaded', async () => {
    let tries = 0
    const { session: member, log } = session([], {
      events: {
        assigned: async () => {
          if (++tries === 1) throw failure('GROUP_LOAD_IN_PROGRESS')
        },
      },
    })
    await member.open()
    await member.close()
    expect(log.slice(0, 3)).toEqual(['join new', 'lost', 'join m1'])
  })

  it('rebalances when the topic has grown, and starts anew when it is another one', async () => {
    const changes = ['grown', 'anew'] as const
    let seen = 0
    const { session: member, log } = session([], { events: { topicChanged: async () => changes[seen++] } })
    await member.open()
    await until(() => joins(log) === 3)
    await member.close()
    expect(log.slice(0, 7)).toEqual([
      'join new',
      'assigned 0 1',
      'revoking',
      'join m1',
      'assigned 0 1',
      'lost',
      'join m1',
    ])
  })

  it.each(['GROUP_AUTHORIZATION_FAILED', 'INCONSISTENT_GROUP_PROTOCOL'])(
    'ends for good with %s',
    async (kind) => {
      const { session: member, log } = session([], {
        client: { join: async () => Promise.reject(failure(kind)) },
      })
      await expect(member.open()).rejects.toMatchObject({ kind })
      await member.ended()
      expect(log).toEqual([`failed ${kind}`])
    },
  )

  it('goes on trying to join while nobody coordinates', async () => {
    let tries = 0
    const { session: member } = session([], {
      client: {
        join: async () => {
          if (++tries < 4) throw failure('GROUP_COORDINATOR_NOT_AVAILABLE')
          return { memberId: 'm1', generation: 1, members: [] }
        },
      },
    })
    await member.open()
    await member.close()
    expect(tries).toBe(4)
  })
})
