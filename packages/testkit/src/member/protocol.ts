import type { CloseOptions, CloseResult, SubscriptionStatus } from '@waybill/core'
import type { MemberOptions, TransportModule, WorkTopicOptions } from './member.js'

/** What a process that becomes a member has to know; its only argument, as JSON. */
export interface ProcessConfig {
  readonly name: string
  readonly journal: string
  readonly transport: TransportModule
  readonly topic: WorkTopicOptions
  readonly member: MemberOptions
}

export type Request =
  | { readonly call: 'status'; readonly number: number }
  | { readonly call: 'close'; readonly number: number; readonly options: CloseOptions | undefined }

export type Reply =
  | { readonly number: number; readonly result: SubscriptionStatus | CloseResult }
  | { readonly number: number; readonly error: string }
