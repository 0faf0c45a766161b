export interface GroupTopology {
  readonly name: string
  /** Where the group starts when it is new. */
  readonly from: 'earliest' | 'latest'
  /** Allows a group that starts at `earliest` to be added late where `capabilities.backlogForNewGroup` is false. */
  readonly acceptMissingBacklog: boolean
}

/** What a topic needs on the broker. */
export interface TopicTopology {
  readonly name: string
  readonly partitions: number
  readonly groups: readonly GroupTopology[]
  /** Unfinished messages per partition and member: the prefetch where the broker counts them. */
  readonly window: number
  readonly maxMessageBytes: number
  /** `'strict'`: weaker than the cluster can give is an error. `'as-is'`: take what exists. */
  readonly durability: 'strict' | 'as-is'
}

/** What the broker really has. */
export interface DeclaredTopic {
  /** At least `TopicTopology.partitions`; what is above is consumed, never published to. */
  readonly partitions: number
  /** Largest record the broker takes, as `recordBytes` measures it. */
  readonly maxMessageBytes: number
  /** Largest batch the broker takes. */
  readonly maxBatchBytes: number
}

export interface PartitionBacklog {
  readonly partition: number
  /** Messages stored for the group and not acknowledged. */
  readonly messages: number
}
