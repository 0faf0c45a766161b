import { ConnectionError, TopologyError, WaybillError, redact } from '@waybill/core/spi'
import type { ErrorCode } from '@waybill/core/spi'
import { isNativeError } from 'node:util/types'
import { showAddress } from './broker-address.js'
import type { BrokerAddress } from './broker-address.js'

/** The AMQP reply code of a channel or connection that the broker closed. */
export function replyCode(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'number' ? code : undefined
}

export function errorText(error: unknown): string {
  return isNativeError(error) || error instanceof Error ? error.message : String(error)
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(errorText(thrown))
}

/** The error itself, or a copy of its text without the secrets it shows. */
export function safeCause(error: unknown, secrets: readonly string[]): unknown {
  const text = errorText(error)
  const safe = redact(text, secrets)
  return safe === text ? error : new Error(safe)
}

/** Why one host could not be connected to. */
export function connectFailure(
  error: unknown,
  address: BrokerAddress,
  secrets: readonly string[],
): ConnectionError {
  const host = showAddress(address)
  const said = redact(errorText(error), secrets)
  const { code, remedy } = connectProblem(error, said)
  // amqplib keeps the broker's words to itself when it refuses a vhost.
  const text =
    code === 'NOT_AUTHORISED'
      ? `vhost ${JSON.stringify(address.vhost)} was refused`
      : said || 'connecting failed'
  return new ConnectionError({
    code,
    message: `RabbitMQ at ${host} cannot be used: ${text}. ${remedy}`,
    retryable: code === 'BROKER_UNREACHABLE',
    cause: safeCause(error, secrets),
    details: { host },
  })
}

/** Why no host could be connected to: what one of them said, or that none answered. */
export function connectFailures(failures: readonly ConnectionError[]): ConnectionError {
  const telling = failures.find((failure) => failure.code !== 'BROKER_UNREACHABLE') ?? failures[0]
  if (telling === undefined) throw new Error('there is always at least one host')
  if (failures.length === 1 || telling.code !== 'BROKER_UNREACHABLE') return telling
  return new ConnectionError({
    code: 'BROKER_UNREACHABLE',
    message: `None of ${failures.length} RabbitMQ hosts can be used:\n${failures.map((failure) => `  - ${failure.message}`).join('\n')}`,
    retryable: true,
    cause: telling,
    details: { hosts: failures.map((failure) => failure.details['host']) },
  })
}

function connectProblem(error: unknown, text: string): { code: ErrorCode; remedy: string } {
  const code = (error as { code?: unknown } | undefined)?.code
  const name = typeof code === 'string' ? code : ''
  if (/ACCESS[-_]REFUSED|SASL mechanism/.test(text)) {
    return {
      code: 'AUTHENTICATION_FAILED',
      remedy: 'Check the user and password of the URL, or the client certificate.',
    }
  }
  if (/NOT[-_]ALLOWED|ConnectionClose|connection\.close/i.test(text)) {
    return { code: 'NOT_AUTHORISED', remedy: 'Check that it exists and that the user may use it.' }
  }
  if (
    /^(ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO|CERT_|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH)/.test(name)
  ) {
    return { code: 'TLS_FAILED', remedy: 'Check tls.ca, the certificates, and that the port speaks TLS.' }
  }
  return { code: 'BROKER_UNREACHABLE', remedy: 'Check the host, the port, and that the broker runs.' }
}

const conflictText =
  /inequivalent arg '([^']+)' for (\S+) '([^']+)'.*?: received (.*?) but current is (.*?)"?$/s

/** Why something could not be declared. */
export function declareFailure(error: unknown, subject: string): unknown {
  const text = errorText(error)
  switch (replyCode(error)) {
    case 405:
    case 406: {
      const [, argument, kind, name, wanted, found] = conflictText.exec(text) ?? []
      const weak = argument === 'x-quorum-initial-group-size'
      const what =
        argument === undefined
          ? `${subject}: ${text}`
          : `${kind} ${name} has ${argument} ${found}, where ${wanted} is needed`
      return new TopologyError({
        code: weak ? 'DURABILITY_WEAK' : 'TOPOLOGY_CONFLICT',
        message: `${what}. Use another topic name, or delete it once it is empty and nothing uses it.`,
        cause: error,
        details: { subject, argument, wanted, found },
      })
    }
    case 403:
      return new ConnectionError({
        code: 'NOT_AUTHORISED',
        message: `The user may not declare ${subject}: ${text}. Grant it configure, write and read permission on these names.`,
        cause: error,
        details: { subject },
      })
    default:
      return error
  }
}

/** For what failed with the connection under it. */
export function connectionLost(what: string, cause: unknown): WaybillError {
  return new WaybillError({
    code: 'CONNECTION_LOST',
    message: `${what}: ${redact(errorText(cause))}. It is being restored.`,
    retryable: true,
    cause,
  })
}
