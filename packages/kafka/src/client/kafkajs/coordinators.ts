import { type JoinAnswer, type JoinRequest, KafkaFailure } from '../kafka-client.js'
import type { Cluster } from './cluster.js'
import type { Lane, Node } from './node.js'

const moved = [
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'UNREACHABLE',
  'CONNECTION_LOST',
  'TIMEOUT',
]

/** Which broker coordinates which group: asked once, and again after a request that did not find it there. */
export class Coordinators {
  readonly #cluster: Cluster
  readonly #nodes = new Map<string, Promise<Node>>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async request<T>(group: string, name: string, args: object, lane: Lane = 'main'): Promise<T> {
    const node = await this.#find(group)
    try {
      return await node.request<T>(name, args, lane)
    } catch (error) {
      if (error instanceof KafkaFailure && moved.includes(error.kind)) this.#nodes.delete(group)
      throw error
    }
  }

  /** Over the lane of the long polls: the broker answers nothing else there until all members have joined. */
  async join(
    { group, memberId, protocol, ...timeouts }: JoinRequest,
    onMemberId: (memberId: string) => void,
  ): Promise<JoinAnswer> {
    const args = {
      groupId: group,
      sessionTimeout: timeouts.sessionTimeoutMs,
      rebalanceTimeout: timeouts.rebalanceTimeoutMs,
      memberId,
      protocolType: 'consumer',
      groupProtocols: [protocol],
    }
    try {
      const joined = await this.request<Joined>(group, 'JoinGroup', args, 'fetch')
      const members = joined.leaderId === joined.memberId ? joined.members : []
      return {
        memberId: joined.memberId,
        generation: joined.generationId,
        members: members.map((member) => ({ memberId: member.memberId, metadata: member.memberMetadata })),
      }
    } catch (error) {
      // KIP-394: the first join is answered with an id, so that a lost answer leaves no ghost in the group.
      const named =
        error instanceof KafkaFailure && error.kind === 'MEMBER_ID_REQUIRED'
          ? (error.cause as { memberId?: string }).memberId
          : undefined
      if (named === undefined || memberId !== '') throw error
      onMemberId(named)
      return this.join({ group, memberId: named, protocol, ...timeouts }, onMemberId)
    }
  }

  async leave(group: string, memberId: string): Promise<void> {
    await this.request(group, 'LeaveGroup', { groupId: group, memberId, members: [{ memberId }] })
  }

  #find(group: string): Promise<Node> {
    const known = this.#nodes.get(group)
    if (known !== undefined) return known
    const finding = this.#ask(group)
    this.#nodes.set(group, finding)
    finding.catch(() => this.#nodes.delete(group))
    return finding
  }

  async #ask(group: string): Promise<Node> {
    const { coordinator } = await this.#cluster
      .any()
      .request<Found>('GroupCoordinator', { groupId: group, coordinatorType: 0 })
    return this.#cluster.nodeAt(coordinator.nodeId, coordinator)
  }
}

interface Found {
  readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number }
}

interface Joined {
  readonly memberId: string
  readonly leaderId: string
  readonly generationId: number
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[]
}
