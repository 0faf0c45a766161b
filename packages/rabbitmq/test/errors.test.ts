import { connectFailure, connectFailures, declareFailure } from '../src/errors.js'
import { isNack } from '../src/outcomes.js'

const address = {
  protocol: 'amqps',
  host: 'rabbit',
  port: 5671,
  username: 'me',
  password: 's3cret',
  vhost: 'shop',
} as const

const coded = (message: string, code: string | number): Error => Object.assign(new Error(message), { code })

describe('what amqplib says', () => {
  it.each([
    [
      'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login was refused"',
      undefined,
      'AUTHENTICATION_FAILED',
    ],
    ['SASL mechanism EXTERNAL is not provided by the server', undefined, 'AUTHENTICATION_FAILED'],
    ['Expected ConnectionOpenOk; got <ConnectionClose channel:0>', undefined, 'NOT_AUTHORISED'],
    ['self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN', 'TLS_FAILED'],
    ['unable to verify the first certificate', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'TLS_FAILED'],
    ['wrong version number', 'ERR_SSL_WRONG_VERSION_NUMBER', 'TLS_FAILED'],
    ['Hostname/IP does not match', 'ERR_TLS_CERT_ALTNAME_INVALID', 'TLS_FAILED'],
    ['connect ECONNREFUSED 127.0.0.1:5671', 'ECONNREFUSED', 'BROKER_UNREACHABLE'],
    ['connect ETIMEDOUT', undefined, 'BROKER_UNREACHABLE'],
    ['Socket closed abruptly during opening handshake', undefined, 'BROKER_UNREACHABLE'],
  ])('while connecting, %s, has a stable code', (text, code, expected) => {
    const failure = connectFailure(code === undefined ? new Error(text) : coded(text, code), address, [
      's3cret',
    ])
    expect(failure).toMatchObject({
      name: 'ConnectionError',
      code: expected,
      retryable: expected === 'BROKER_UNREACHABLE',
    })
    expect(failure.message).toContain('amqps://rabbit:5671')
  })

  it('is shown without secrets, and so is its cause', () => {
    const failure = connectFailure(new Error('no amqps://me:s3cret@rabbit, s3cret'), address, ['s3cret'])
    expect(`${failure.message} ${String(failure.cause)} ${failure.stack}`).not.toContain('s3cret')
  })

  it('of several hosts, is that of the one which answered', () => {
    const refused = connectFailure(coded('connect ECONNREFUSED', 'ECONNREFUSED'), address, [])
    const wrong = connectFailure(new Error('ACCESS_REFUSED'), address, [])
    expect(connectFailures([refused, wrong])).toBe(wrong)
    expect(connectFailures([refused, refused]).message).toContain('None of 2')
  })

  it('about a declaration names what differs', () => {
    const text = `Operation failed: QueueDeclare; 406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'a.b.0' in vhost '/': received 'quorum' but current is 'classic'"`
    expect(declareFailure(coded(text, 406), 'queue a.b.0')).toMatchObject({
      code: 'TOPOLOGY_CONFLICT',
      message: expect.stringContaining(
        "queue a.b.0 has x-queue-type 'classic', where 'quorum' is needed",
      ) as string,
    })
    expect(declareFailure(coded('RESOURCE_LOCKED', 405), 'queue a.b.0')).toMatchObject({
      code: 'TOPOLOGY_CONFLICT',
    })
    expect(declareFailure(coded('ACCESS_REFUSED', 403), 'queue a.b.0')).toMatchObject({
      code: 'NOT_AUTHORISED',
    })
    const other = new Error('Channel closed')
    expect(declareFailure(other, 'queue a.b.0')).toBe(other)
  })

  it('is a nack only where it says so: anything else may be stored', () => {
    expect(isNack(new Error('message nacked'))).toBe(true)
    expect(isNack(new Error('channel closed'))).toBe(false)
    expect(isNack(undefined)).toBe(false)
  })
})
