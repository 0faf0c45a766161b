import { ConfigError } from '../error/kinds.js'
import type { ErrorCode } from '../error/codes.js'
import { show } from '../option/option.js'
import { isTopic } from '../topic/define-topic.js'
import type { AnyTopic, ErasedTopic } from '../topic/topic.js'
import type { DeclaredTopic } from '../transport/topology.js'
import type { Transport } from '../transport/transport.js'

/** The topics a bus knows: each name once, no name that another's groups use, each declared on the broker once. */
export class TopicRegistry {
  readonly #transport: Transport
  readonly #durability: 'strict' | 'as-is'
  readonly #topics = new Map<string, ErasedTopic>()
  readonly #declared = new Map<string, Promise<DeclaredTopic>>()

  constructor(transport: Transport, durability: 'strict' | 'as-is') {
    this.#transport = transport
    this.#durability = durability
  }

  /** @throws ConfigError `TOPIC_UNDECLARED`, `TOPIC_DUPLICATE`, `NAME_CONFLICT` */
  know(given: AnyTopic): ErasedTopic {
    if (!isTopic(given))
      throw refuse(
        'TOPIC_UNDECLARED',
        show(given),
        'is not a topic; make one with defineTopic() and pass that',
      )
    const topic = given as unknown as ErasedTopic
    const known = this.#topics.get(topic.name)
    if (known === topic) return topic
    if (known !== undefined) {
      throw refuse(
        'TOPIC_DUPLICATE',
        show(topic.name),
        'is defined twice; define a topic once and import it where it is used',
      )
    }
    for (const other of this.#topics.values()) {
      const clash = groupNames(other).includes(topic.name)
        ? other
        : groupNames(topic).includes(other.name)
          ? topic
          : undefined
      if (clash === undefined) continue
      throw refuse(
        'NAME_CONFLICT',
        show(topic.name),
        `and topic "${other.name}" claim the same name on the broker: a group of "${clash.name}" is called so; rename the topic or the group`,
      )
    }
    this.#topics.set(topic.name, topic)
    return topic
  }

  /** Resolves when the broker has what the topic needs. A failure is asked again by the next caller. */
  declare(topic: ErasedTopic): Promise<DeclaredTopic> {
    const { capabilities } = this.#transport
    if (topic.topology.groups.length === 0 && !capabilities.storesWithoutGroup) {
      return Promise.reject(
        refuse(
          'TOPIC_HAS_NO_GROUPS',
          show(topic.name),
          `stores messages only for declared groups on ${this.#transport.name}; give defineTopic() a \`groups\` list`,
        ),
      )
    }
    const known = this.#declared.get(topic.name)
    if (known !== undefined) return known
    const declared = this.#transport.declare({ ...topic.topology, durability: this.#durability })
    this.#declared.set(topic.name, declared)
    declared.catch(() => this.#declared.delete(topic.name))
    return declared
  }
}

const groupNames = (topic: ErasedTopic): string[] =>
  topic.topology.groups.map((group) => `${topic.name}.${group.name}`)

const refuse = (code: ErrorCode, name: string, message: string): ConfigError =>
  new ConfigError(`Topic ${name}`, [{ code, path: 'topic', message }])
