import { errorCodes } from '../../src/error/codes.js'
import { redact } from '../../src/error/redact.js'
import { ClosedError, ConfigError, PublishError, WaybillError, isWaybillError } from '../../src/index.js'

describe('errors', () => {
  it('are recognised by their brand, whichever copy of the package made them', () => {
    const error = new WaybillError({ code: 'CLOSED', message: 'over' })
    const ofAnotherCopy = Object.assign(new Error('x'), { [Symbol.for('waybill.error')]: true })
    expect([error, new ClosedError('The bus'), ofAnotherCopy].every(isWaybillError)).toBe(true)
    expect([undefined, null, 'x', new Error('x'), {}].some(isWaybillError)).toBe(false)
  })

  it('have a code, a cause and details', () => {
    const cause = new Error('why')
    const error = new WaybillError({ code: 'CONNECTION_LOST', message: 'm', cause, details: { a: 1 } })
    expect(error).toMatchObject({ code: 'CONNECTION_LOST', retryable: false, cause, details: { a: 1 } })
    expect(error.name).toBe('WaybillError')
    expect('cause' in new WaybillError({ code: 'CLOSED', message: 'm' })).toBe(false)
  })

  it('have each code once', () => {
    expect(new Set(errorCodes).size).toBe(errorCodes.length)
  })

  it('of configuration have the code of the first problem and list all', () => {
    const error = new ConfigError('Topic "x"', [
      { code: 'NAME_INVALID', path: 'name', message: 'is bad' },
      { code: 'CONFIG_INVALID', path: 'window', message: 'is worse' },
    ])
    expect(error.code).toBe('NAME_INVALID')
    expect(error.message).toBe(
      'Topic "x" cannot be used as configured:\n  - name: is bad\n  - window: is worse',
    )
  })

  it('of a message that never became bytes reject their own republish()', async () => {
    const error = new PublishError({
      code: 'KEY_INVALID',
      outcome: 'rejected',
      message: 'm',
      id: 'x',
      topic: 't',
    })
    await expect(error.republish()).rejects.toBe(error)
  })
})

describe('redact', () => {
  it.each([
    ['amqp://app:s3cret@host:5672/vhost refused', 'amqp://***@host:5672/vhost refused'],
    ['at "amqps://app:s3cret@a", "amqps://app:s3cret@b"', 'at "amqps://***@a", "amqps://***@b"'],
    ['amqp://app:p@ss@host', 'amqp://***@host'],
    ['amqp://app:pa/ss@host', 'amqp://***@host'],
    ['amqp://app:@host amqp://:s3cret@host', 'amqp://***@host amqp://***@host'],
    ['redis://s3cret@host', 'redis://***@host'],
    ['kafka://host:9092 has no user', 'kafka://host:9092 has no user'],
    ['mail to a@b.example', 'mail to a@b.example'],
  ])('turns %j into %j', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })

  it('takes out given secrets, also as a URL spells them, the longest first', () => {
    const text = 'user app, password p@ss+word or p%40ss%2Bword or p@ss, empty'
    expect(redact(text, ['p@ss', 'p@ss+word', ''])).toBe('user app, password *** or *** or ***, empty')
  })
})
