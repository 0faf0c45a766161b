import { ConfigError, type ConfigProblem } from '../error/kinds.js'
import {
  choice,
  mustBeOptions,
  number,
  refuseUnknown,
  resolveOptions,
  show,
  type OptionTable,
} from '../option/option.js'
import { json, type Codec } from './codec.js'
import { checkGroupName, checkTopicName } from './names.js'
import type { StandardSchema } from './standard-schema.js'
import type { GroupOptions, Topic } from './topic.js'
import type { GroupTopology } from '../transport/topology.js'

/** Numbers and switches of `defineTopic`; `docs/options.md` has defaults and bounds. */
export interface TopicSettings {
  /** What brokers and members share the topic by. Cannot be changed later without moving the backlog. @default 12 */
  readonly partitions: number
  /**
   * Unfinished messages per partition and member. The same in all members and releases; lowering it
   * needs every member stopped. @default 500
   */
  readonly window: number
  /** Largest message; a larger one is refused before it is sent. @default 1_000_000 */
  readonly maxMessageBytes: number
  /** Whether `null` is a value: a tombstone on Kafka, an empty body with a mark elsewhere. @default false */
  readonly tombstones: boolean
}

export const topicOptionTable: OptionTable<TopicSettings> = {
  partitions: number(12, 1, 1_024),
  window: number(500, 1, 2_000),
  maxMessageBytes: number(1_000_000, 1, 104_857_600),
  tombstones: choice(false, [true, false]),
}

interface TopicOptions<Input, Groups extends string> extends Partial<Omit<TopicSettings, 'tombstones'>> {
  readonly name: string
  /** Messages of one key keep their order; without it none is kept. May return `undefined`. */
  readonly key?: (value: Input) => string | undefined
  /** Durable groups, declared before the first publish. @default none */
  readonly groups?: readonly (Groups | GroupOptions<Groups>)[]
  /** CloudEvents `type`. @default the name */
  readonly type?: string
}

type WithTombstones<T, N extends boolean> = N extends true ? T | null : T

/**
 * Declares a topic: its name, types, key and groups. Nothing happens on a broker before a bus uses
 * it. With a `schema` (any Standard Schema) types are inferred: `publish` takes its input, handlers
 * get its output. Without one, `codec` decides (default: JSON of the type you give).
 *
 * @throws ConfigError with every problem at once
 */
export function defineTopic<
  Input,
  Output,
  const Groups extends string = never,
  const N extends boolean = false,
>(
  options: TopicOptions<NoInfer<Input>, Groups> & {
    readonly schema: StandardSchema<Input, Output>
    readonly codec?: Codec<Input>
    readonly tombstones?: N
  },
): Topic<WithTombstones<Input, N>, WithTombstones<Output, N>, Groups>
export function defineTopic<
  T = unknown,
  const Groups extends string = never,
  const N extends boolean = false,
>(
  options: TopicOptions<NoInfer<T>, Groups> & {
    readonly schema?: undefined
    readonly codec: Codec<T>
    readonly tombstones?: N
  },
): Topic<WithTombstones<T, N>, WithTombstones<T, N>, Groups>
export function defineTopic<
  T = unknown,
  const Groups extends string = string,
  const N extends boolean = false,
>(
  options: TopicOptions<T, Groups> & {
    readonly schema?: undefined
    readonly codec?: undefined
    readonly tombstones?: N
  },
): Topic<WithTombstones<T, N>, WithTombstones<T, N>, Groups>
export function defineTopic(
  options: TopicOptions<unknown, string> & {
    readonly schema?: StandardSchema | undefined
    readonly codec?: Codec<unknown> | undefined
    readonly tombstones?: boolean
  },
): Topic<unknown, unknown, string> {
  mustBeOptions('defineTopic()', options)
  const problems: ConfigProblem[] = []
  const numbers = resolveOptions(topicOptionTable, options, problems)
  refuseUnknown(
    options,
    ['name', 'schema', 'codec', 'key', 'groups', 'type', ...Object.keys(topicOptionTable)],
    problems,
  )
  checkTopicName(options.name, problems)
  const groups = resolveGroups(options.groups ?? [], problems)
  if (options.key !== undefined && typeof options.key !== 'function') {
    problems.push({
      code: 'CONFIG_INVALID',
      path: 'key',
      message: `must be a function, not ${show(options.key)}`,
    })
  }
  if (options.schema !== undefined && typeof options.schema['~standard']?.validate !== 'function') {
    problems.push({
      code: 'CONFIG_INVALID',
      path: 'schema',
      message: 'must be a Standard Schema (zod, valibot, arktype)',
    })
  }
  if (
    options.codec !== undefined &&
    (typeof options.codec.encode !== 'function' || typeof options.codec.decode !== 'function')
  ) {
    problems.push({ code: 'CONFIG_INVALID', path: 'codec', message: 'must have encode() and decode()' })
  }
  if (options.type !== undefined && (typeof options.type !== 'string' || options.type === '')) {
    problems.push({
      code: 'CONFIG_INVALID',
      path: 'type',
      message: `must be a string that is not empty, not ${show(options.type)}`,
    })
  }
  const [first, ...rest] = problems
  if (first !== undefined) throw new ConfigError(`Topic ${show(options.name)}`, [first, ...rest])
  const { tombstones, ...limits } = numbers
  const topic = Object.freeze({
    name: options.name,
    topology: Object.freeze({ name: options.name, groups, ...limits }),
    codec: options.codec ?? json(),
    schema: options.schema,
    key: options.key,
    tombstones,
    type: options.type ?? options.name,
    [brand]: true,
  })
  return topic
}

const brand: unique symbol = Symbol.for('waybill.topic') as never

/** Whether `defineTopic` made it, that of whichever copy of the package. */
export const isTopic = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && brand in value

function resolveGroups(given: unknown, problems: ConfigProblem[]): readonly GroupTopology[] {
  if (!Array.isArray(given)) {
    problems.push({ code: 'CONFIG_INVALID', path: 'groups', message: `must be an array, not ${show(given)}` })
    return []
  }
  const seen = new Set<string>()
  return Object.freeze(
    given.map((group: string | GroupOptions, index) => {
      const {
        name,
        from = 'earliest',
        acceptMissingBacklog = false,
      }: GroupOptions = typeof group === 'string' ? { name: group } : (group ?? {})
      const path = `groups[${index}]`
      checkGroupName(name, path, problems)
      if (seen.has(name))
        problems.push({ code: 'NAME_CONFLICT', path, message: `${show(name)} is declared twice` })
      seen.add(name)
      if (from !== 'earliest' && from !== 'latest') {
        problems.push({
          code: 'CONFIG_INVALID',
          path: `${path}.from`,
          message: `must be "earliest" or "latest", not ${show(from)}`,
        })
      }
      return Object.freeze({ name, from, acceptMissingBacklog })
    }),
  )
}
