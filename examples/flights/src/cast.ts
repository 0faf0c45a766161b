import type { Group } from './topic.js'

/** A member of a group, however it lives. */
export interface Actor {
  readonly name: string
  readonly group: Group
  /** Ends it at once, without a close. */
  kill(): Promise<void>
  /** Closes its bus: what runs finishes, and is acknowledged. */
  leave(): Promise<void>
}

/** Puts publishers and members on a stage: in this process, or each in a process of its own. */
export interface Cast {
  /** Resolves when the member is in the group. */
  join(group: Group, name: string): Promise<Actor>
  /** Resolves when every flight is stored. */
  publish(published: (count: number) => void): Promise<void>
  /** Rejects when somebody ends who should not. */
  readonly failed: Promise<never>
  /** Ends whoever is still there. */
  end(): Promise<void>
}
