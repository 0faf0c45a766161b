import { KafkaFailure } from '../kafka-client.js'

interface ClientError {
  readonly name?: string
  readonly message?: string
  readonly type?: string
  readonly code?: unknown
  readonly errors?: readonly unknown[]
  readonly cause?: unknown
}

const tlsCode = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|EPROTO)/
const tlsText = /certificate|before secure TLS connection|wrong version number|SSL routines/i

/** What kafkajs threw, as one failure of the seam. `written`: whether the request may have left this process. */
export function toFailure(error: unknown, written: boolean): KafkaFailure {
  if (error instanceof KafkaFailure) return error
  const thrown: ClientError = typeof error === 'object' && error !== null ? error : { message: String(error) }
  const first = thrown.errors?.[0]
  if (first !== undefined && thrown.type === undefined) return toFailure(first, written)
  const message = thrown.message ?? thrown.name ?? 'no message'
  const make = (kind: string, mayBeDone: boolean): KafkaFailure =>
    new KafkaFailure(kind, message, mayBeDone, error)
  if (typeof thrown.type === 'string')
    return make(thrown.type === 'SASL_AUTHENTICATION_FAILED' ? 'AUTHENTICATION' : thrown.type, false)
  if (thrown.name === 'KafkaJSSASLAuthenticationError') return make('AUTHENTICATION', false)
  if (tlsCode.test(String(thrown.code)) || tlsText.test(message)) return make('TLS', written)
  if (thrown.name === 'KafkaJSRequestTimeoutError') return make('TIMEOUT', written)
  if (thrown.name === 'KafkaJSConnectionError' || thrown.name === 'KafkaJSConnectionClosedError') {
    return make(written ? 'CONNECTION_LOST' : 'UNREACHABLE', written)
  }
  return make('CLIENT', written)
}
