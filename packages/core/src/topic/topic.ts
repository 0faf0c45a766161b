import type { Codec } from './codec.js'
import type { StandardSchema } from './standard-schema.js'
import type { TopicTopology } from '../transport/topology.js'

/** A durable group, and where it starts when it is new. */
export interface GroupOptions<Name extends string = string> {
  readonly name: Name
  /** @default 'earliest' */
  readonly from?: 'earliest' | 'latest'
  /**
   * Takes the group although it is declared on a broker that has no backlog for a late group
   * (RabbitMQ), where `from: 'earliest'` is otherwise refused. @default false
   */
  readonly acceptMissingBacklog?: boolean
}

declare const types: unique symbol

/** A topic as code declares it. Made by `defineTopic`; immutable. */
export interface Topic<Input, Output, Groups extends string> {
  readonly name: string
  readonly topology: Omit<TopicTopology, 'durability'>
  readonly codec: Codec<unknown>
  readonly schema: StandardSchema<unknown, Output> | undefined
  readonly key: ((value: Input) => string | undefined) | undefined
  readonly tombstones: boolean
  /** CloudEvents `type` of its messages. */
  readonly type: string
  readonly [types]?: {
    readonly input: (value: Input) => void
    readonly output: Output
    readonly groups: Groups
  }
}

// A topic of any types: `never` input and `unknown` output admit every topic.
export type AnyTopic = Topic<never, unknown, string>

/** A topic whose types no longer matter: what the engines work with. */
export type ErasedTopic = Topic<unknown, unknown, string>

export type InputOf<T> = T extends Topic<infer Input, infer _O, infer _G> ? Input : never
export type OutputOf<T> = T extends Topic<infer _I, infer Output, infer _G> ? Output : never
export type GroupOf<T> = T extends Topic<infer _I, infer _O, infer Groups> ? Groups : never
