import type { RawHeader } from '../transport/record.js'

/** On a message that was sent again because an earlier outcome was unknown: there may be two of it. */
export const republishedMark = 'waybill-republished'
/** On an empty body that stands for `null`, where the wire has no other way to say so. */
export const nullMark = 'waybill-null'

export const hasMark = (headers: readonly RawHeader[], mark: string): boolean =>
  headers.some(([name]) => name === mark)

const reservedName = /^(ce_|cloudevents[_:]|waybill-|content-type$)/i

/** Names that the protocol bindings and Waybill's own marks use. */
export const isReservedHeader = (name: string): boolean => reservedName.test(name)
