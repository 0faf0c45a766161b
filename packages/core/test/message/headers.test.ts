import { applicationHeaders, headerProblem } from '../../src/message/headers.js'
import type { RawHeader } from '../../src/index.js'

describe('headers on the way out', () => {
  it.each(['trace', 'X-Tenant', 'traceparent', 'ключ', 'content-types', 'a'.repeat(255)])(
    'may be called %s',
    (name) => {
      expect(headerProblem(name, 'value')).toBeUndefined()
    },
  )

  it.each([
    ['', /empty name/],
    ['a'.repeat(256), /longer than 255 bytes/],
    ['é'.repeat(128), /longer than 255 bytes/],
    ['a\r\nb', /control characters/],
    ['a\u0000', /control characters/],
    ['\ud800', /surrogate/],
    ['ce_id', /reserved/],
    ['CE_ID', /reserved/],
    ['cloudEvents:id', /reserved/],
    ['waybill-republished', /reserved/],
    ['Content-Type', /reserved/],
  ])('may not be called %j', (name, reason) => {
    expect(headerProblem(name, 'value')).toMatch(reason)
  })

  it.each([5, null, undefined, {}, ['a'], Buffer.from('a')])('may not have the value %p', (value) => {
    expect(headerProblem('name', value)).toMatch(/only strings/)
  })

  it.each(['a\nb', '\u0000', '\u007f', '\udc00'])('may not have the text %j', (value) => {
    expect(headerProblem('name', value)).toMatch(/control characters or half a surrogate pair/)
  })
})

describe('headers on the way in', () => {
  it('are the first of each name, as text, without those of the protocol', () => {
    const raw: RawHeader[] = [
      ['a', 'first'],
      ['a', 'second'],
      ['bytes', Buffer.from('é')],
      ['number', 5],
      ['big', 2n ** 60n],
      ['flag', true],
      ['none', null],
      ['at', new Date(0)],
      ['table', { x: [1n, 'y'] }],
      ['ce_id', 'x'],
      ['waybill-null', '1'],
    ]
    expect({ ...applicationHeaders(raw) }).toEqual({
      a: 'first',
      bytes: 'é',
      number: '5',
      big: '1152921504606846976',
      flag: 'true',
      none: 'null',
      at: '1970-01-01T00:00:00.000Z',
      table: '{"x":["1","y"]}',
    })
  })

  it('have no prototype that a name could reach', () => {
    const headers = applicationHeaders([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
    expect(Object.getPrototypeOf(headers)).toBeNull()
    expect(Object.entries(headers)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ])
  })
})
