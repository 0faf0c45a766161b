import type { Socket } from 'node:net'
import { WaybillError } from '@waybill/core/spi'

/** The release whose internals are known to fit. */
export const pinnedVersion = '2.2.4'

/** A request as kafkajs's connection sends it, with the way to read its answer. */
export interface ProtocolRequest<T> {
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly apiName: string
    readonly encode: () => Promise<unknown>
  }
  readonly response: {
    readonly decode: (raw: Buffer) => Promise<unknown>
    readonly parse: (decoded: never) => Promise<T>
  }
  readonly requestTimeout?: number
}

export type ApiVersions = Readonly<
  Record<number, { readonly minVersion: number; readonly maxVersion: number }>
>

interface RequestQueue {
  readonly pending: readonly unknown[]
  throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
  scheduleCheckPendingRequests(): void
}

export interface Connection {
  readonly requestQueue: RequestQueue
  readonly socket?: Socket
  isConnected(): boolean
  connect(): Promise<unknown>
  authenticate(): Promise<void>
  disconnect(): Promise<unknown>
  send<T>(request: ProtocolRequest<T>): Promise<T>
  setVersions(versions: ApiVersions): void
  setSupportAuthenticationProtocol(supported: boolean): void
  rejectRequests(error: Error): void
}

type RequestDefinition = { protocol(choice: { version: number }): (args: object) => ProtocolRequest<unknown> }

/** What of kafkajs is used: its connections and the encoding of its requests, none of its state machines. */
export interface Internals {
  readonly Connection: new (options: object) => Connection
  readonly requests: Readonly<Record<string, RequestDefinition>>
  readonly lookup: (
    versions: ApiVersions,
  ) => (apiKey: number, definition: RequestDefinition) => (args: object) => ProtocolRequest<unknown>
  readonly apiKeys: Readonly<Record<string, number>>
  readonly createLogger: (options: object) => unknown
  readonly createErrorFromCode: (
    code: number,
  ) => Error & { readonly type?: string; readonly retriable?: boolean }
}

export const usedRequests = [
  'ApiVersions',
  'Metadata',
  'InitProducerId',
  'ListOffsets',
  'OffsetFetch',
  'OffsetCommit',
  'GroupCoordinator',
  'JoinGroup',
  'SyncGroup',
  'Heartbeat',
  'LeaveGroup',
  'CreateTopics',
  'DescribeConfigs',
] as const

const usedMethods = [
  'isConnected',
  'connect',
  'authenticate',
  'disconnect',
  'send',
  'setVersions',
  'setSupportAuthenticationProtocol',
  'rejectRequests',
] as const

const usedQueueMethods = ['checkPendingRequests', 'scheduleCheckPendingRequests'] as const

/** Reads a module of kafkajs by its path in the package; replaced in tests. */
export type Load = (path: string) => unknown

const loaders: Readonly<Record<string, () => unknown>> = {
  'package.json': () => require('kafkajs/package.json') as unknown,
  'src/network/connection': () => require('kafkajs/src/network/connection') as unknown,
  'src/protocol/requests': () => require('kafkajs/src/protocol/requests') as unknown,
  'src/protocol/requests/apiKeys': () => require('kafkajs/src/protocol/requests/apiKeys') as unknown,
  'src/protocol/error': () => require('kafkajs/src/protocol/error') as unknown,
  'src/loggers': () => require('kafkajs/src/loggers') as unknown,
}

const loadInstalled: Load = (path) => loaders[path]?.()

/**
 * Loads what is used of kafkajs and checks that it is what it was in the pinned release.
 * @throws WaybillError `CLIENT_INCOMPATIBLE`
 */
export function loadInternals(load: Load = loadInstalled): Internals {
  let version = 'unknown'
  try {
    version = (load('package.json') as { version: string }).version
    const { requests, lookup } = load('src/protocol/requests') as Pick<Internals, 'requests' | 'lookup'>
    const { createErrorFromCode } = load('src/protocol/error') as Pick<Internals, 'createErrorFromCode'>
    const { createLogger } = load('src/loggers') as Pick<Internals, 'createLogger'>
    const internals: Internals = {
      Connection: load('src/network/connection') as Internals['Connection'],
      requests,
      lookup,
      apiKeys: load('src/protocol/requests/apiKeys') as Internals['apiKeys'],
      createLogger,
      createErrorFromCode,
    }
    const missing = whatIsMissing(internals)
    if (version === pinnedVersion && missing.length === 0) return internals
    throw incompatible(
      version,
      missing.length === 0 ? 'the release differs' : `missing: ${missing.join(', ')}`,
    )
  } catch (cause) {
    throw cause instanceof WaybillError ? cause : incompatible(version, 'its modules cannot be loaded', cause)
  }
}

function whatIsMissing(internals: Internals): string[] {
  const missing: string[] = usedRequests.filter(
    (name) =>
      typeof internals.requests[name]?.protocol !== 'function' || internals.apiKeys[name] === undefined,
  )
  for (const name of ['lookup', 'createLogger', 'createErrorFromCode'] as const)
    if (typeof internals[name] !== 'function') missing.push(name)
  if (missing.length > 0) return missing
  const logger = internals.createLogger({ level: 0, logCreator: () => () => undefined })
  const probe = new internals.Connection({
    host: 'localhost',
    port: 1,
    logger,
    requestTimeout: 1,
    connectionTimeout: 1,
  })
  const queue = probe.requestQueue as RequestQueue | undefined
  for (const name of usedMethods) if (typeof probe[name] !== 'function') missing.push(`Connection.${name}`)
  for (const name of usedQueueMethods)
    if (typeof queue?.[name] !== 'function') missing.push(`RequestQueue.${name}`)
  if (typeof internals.createErrorFromCode(1).type !== 'string') missing.push('type of protocol errors')
  return missing
}

const incompatible = (version: string, what: string, cause?: unknown): WaybillError =>
  new WaybillError({
    code: 'CLIENT_INCOMPATIBLE',
    message: `kafkajs ${version} is installed, and @waybill/kafka relies on internals of ${pinnedVersion} (${what}). Remove the override that replaces it, or install kafkajs@${pinnedVersion}.`,
    details: { found: version, pinned: pinnedVersion },
    ...(cause === undefined ? {} : { cause }),
  })
