import { ConnectionError, type ErrorCode, redact, WaybillError } from '@waybill/core/spi'
import { KafkaFailure } from './client/kafka-client.js'

/** What the broker, or the way to it, said; in words that fit into a sentence. Without credentials. */
export function reason(error: unknown, secrets: readonly string[]): string {
  const kind = error instanceof KafkaFailure ? `${error.kind}: ` : ''
  const message = error instanceof Error ? error.message : String(error)
  return redact(`${kind}${message}`, secrets).replace(/[.\s]+$/, '')
}

/** An error that may be shown: the causes that client libraries make can carry what they were given. */
export function cleanCause(error: unknown, secrets: readonly string[]): Error {
  return new Error(reason(error, secrets))
}

/** @returns ConnectionError `AUTHENTICATION_FAILED`, `TLS_FAILED` or `BROKER_UNREACHABLE` */
export function connectError(
  error: unknown,
  hosts: readonly string[],
  secrets: readonly string[],
): ConnectionError {
  const where = hosts.join(', ')
  const why = reason(error, secrets)
  const cause = cleanCause(error, secrets)
  const details = { brokers: hosts }
  switch (error instanceof KafkaFailure ? error.kind : '') {
    case 'AUTHENTICATION':
    case 'UNSUPPORTED_SASL_MECHANISM':
    case 'ILLEGAL_SASL_STATE':
      return new ConnectionError({
        code: 'AUTHENTICATION_FAILED',
        message: `Kafka at ${where} refused the log-in (${why}). Check sasl.mechanism, sasl.username and sasl.password.`,
        cause,
        details,
      })
    case 'TLS':
      return new ConnectionError({
        code: 'TLS_FAILED',
        message: `TLS with Kafka at ${where} failed (${why}). Check that the port speaks TLS, and \`ssl\`: its \`ca\`, and the host name in the certificate.`,
        cause,
        details,
      })
    default:
      return new ConnectionError({
        code: 'BROKER_UNREACHABLE',
        message: `No Kafka broker could be reached at ${where} (${why}). Check \`brokers\`, that they run, and whether the port wants \`ssl\` or \`sasl\`.`,
        retryable: true,
        cause,
        details,
      })
  }
}

const unauthorised = /AUTHORIZATION_FAILED$/

/** Whether trying again cannot help before somebody grants a right. */
export const isAuthorisation = (error: unknown): boolean =>
  error instanceof KafkaFailure && unauthorised.test(error.kind)

export interface Subject {
  /** What was tried, as the beginning of a sentence. */
  readonly what: string
  readonly secrets: readonly string[]
}

/** A failed request that is not a publish. */
export function requestError(error: unknown, { what, secrets }: Subject, code?: ErrorCode): WaybillError {
  if (error instanceof WaybillError) return error
  const denied = isAuthorisation(error)
  const advice = denied
    ? 'Grant the right to this user.'
    : 'It is tried again where that can help; check the brokers if it lasts.'
  return new WaybillError({
    code: denied ? 'NOT_AUTHORISED' : (code ?? 'CONNECTION_LOST'),
    message: `${what} failed (${reason(error, secrets)}). ${advice}`,
    retryable: !denied,
    cause: cleanCause(error, secrets),
  })
}
