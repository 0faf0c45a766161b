import type { DeclaredTopic, TopicTopology } from '@waybill/core/spi'
import { isMissingTopic, type KafkaClient, type TopicDescription } from './client/kafka-client.js'
import { declareTopic, type TopologyContext } from './topology.js'

/** The topics this process declared: each is made again, as declared, when somebody deletes it. */
export class DeclaredTopics {
  readonly #context: TopologyContext
  readonly #declared = new Map<string, TopicTopology>()
  readonly #restoring = new Map<string, Promise<void>>()

  constructor(context: TopologyContext) {
    this.#context = context
  }

  async declare(topic: TopicTopology): Promise<DeclaredTopic> {
    const declared = await declareTopic(this.#context, topic)
    this.#declared.set(topic.name, topic)
    return declared
  }

  /** Makes sure of a topic that a broker did not know. Calls at the same time share one look. */
  restore(name: string): Promise<void> {
    const topic = this.#declared.get(name)
    if (topic === undefined) return Promise.resolve()
    const restoring =
      this.#restoring.get(name) ?? this.#restore(topic).finally(() => this.#restoring.delete(name))
    this.#restoring.set(name, restoring)
    return restoring
  }

  /** What a client knows of a topic; one that vanished is made again first. */
  async known(client: KafkaClient, name: string): Promise<TopicDescription> {
    try {
      return await client.knownTopic(name)
    } catch (error) {
      if (!isMissingTopic(error)) throw error
      await this.restore(name)
      return client.knownTopic(name)
    }
  }

  async #restore(topic: TopicTopology): Promise<void> {
    await declareTopic(this.#context, topic, () => {
      this.#context.report.note({
        code: 'TOPOLOGY_DRIFT',
        subject: `topic ${topic.name}`,
        message: `Topic "${topic.name}" was deleted on the broker and has been created again as declared. The messages that were in it are gone; to delete it for good, stop what declares it first.`,
        details: { topic: topic.name },
      })
    })
  }
}
