import type { Transport } from '@waybill/core'
import type { Capabilities } from '@waybill/core/spi'
import type { TransportModule } from '../member/member.js'

/** A message as a producer that is not Waybill would send it. */
export interface ForeignMessage {
  readonly topic: string
  readonly partition: number
  readonly key: string | null
  readonly body: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** What the suite can do to the broker. Each resolves when it is done. */
export interface BrokerFaults {
  /** Ends the broker at once; what it stored stays. */
  readonly kill: () => Promise<void>
  /** Starts it again with what it stored. */
  readonly restart: () => Promise<void>
  /** Cuts every `cuttable` transport off from the broker, in both directions, without a word. */
  readonly cutOff: () => Promise<void>
  /** Ends `cutOff`. */
  readonly reconnect: () => Promise<void>
  /** The next publish of a `cuttable` transport is stored, and its answer lost. */
  readonly losePublishReply: () => Promise<void>
  /** Removes a topic with all that is stored in it, behind Waybill's back. Left out where nobody could do that. */
  readonly removeTopic?: (topic: string, groups: readonly string[], partitions: number) => Promise<void>
}

/** A transport under test, with its broker. Made once for a run of the suite. */
export interface TransportHarness {
  /** What differs from the declared capabilities with this version of the broker. */
  readonly capabilities?: Partial<Capabilities>
  /** A new transport in this process. `cuttable`: `faults` can act on it. */
  readonly createTransport: (options: { readonly cuttable: boolean }) => Transport
  /** How another process makes one. Without it members are buses of this process, and `crash` is their death. */
  readonly process?: TransportModule
  /** As if the process of that transport had been killed. */
  readonly crash?: (transport: Transport) => Promise<void>
  readonly faults: BrokerFaults
  readonly produce: (message: ForeignMessage) => Promise<void>
  readonly stop: () => Promise<void>
}
