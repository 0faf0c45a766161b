/** One unit of what a broker sends: a whole response where the protocol is known, else a chunk. */
export interface Reply {
  readonly bytes: Buffer
  /** Kafka: what the response answers (0 is Produce, 1 Fetch, 8 OffsetCommit, 11 JoinGroup). */
  readonly kafka?: { readonly apiKey: number; readonly correlationId: number }
  /** AMQP: the frame's channel, and of a method frame its class and method (60, 80 is `basic.ack`). */
  readonly amqp?: { readonly channel: number; readonly classId: number; readonly methodId: number }
}

export type Protocol = 'raw' | 'kafka' | 'amqp'

/** Cuts the two directions of one connection into units. */
export interface ReplyReader {
  /** Looks at what goes to the broker. */
  request(chunk: Buffer): void
  /** The replies that are complete with this chunk; an incomplete rest is kept for the next one. */
  replies(chunk: Buffer): readonly Reply[]
}

export function replyReader(protocol: Protocol): ReplyReader {
  if (protocol === 'kafka') return kafkaReader()
  if (protocol === 'amqp') return amqpReader()
  return { request: () => undefined, replies: (chunk) => [{ bytes: chunk }] }
}

/** Collects chunks and hands out whole frames; `sizeOf` says how long the first one is once it is known. */
function frames(sizeOf: (start: Buffer) => number | undefined): (chunk: Buffer) => Buffer[] {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const whole: Buffer[] = []
    for (let size = sizeOf(rest); size !== undefined && size <= rest.length; size = sizeOf(rest)) {
      whole.push(rest.subarray(0, size))
      rest = rest.subarray(size)
    }
    return whole
  }
}

// Kafka protocol guide: an INT32 size, then in requests INT16 api_key, INT16 version, INT32 correlation_id,
// in responses INT32 correlation_id.
function kafkaReader(): ReplyReader {
  const sized = (start: Buffer) => (start.length < 4 ? undefined : 4 + start.readInt32BE(0))
  const requests = frames(sized)
  const responses = frames(sized)
  const apiKeys = new Map<number, number>()
  return {
    request(chunk) {
      for (const frame of requests(chunk)) apiKeys.set(frame.readInt32BE(8), frame.readInt16BE(4))
    },
    replies: (chunk) =>
      responses(chunk).map((bytes) => {
        const correlationId = bytes.readInt32BE(4)
        const apiKey = apiKeys.get(correlationId) ?? -1
        apiKeys.delete(correlationId)
        return { bytes, kafka: { apiKey, correlationId } }
      }),
  }
}

const METHOD_FRAME = 1

// AMQP 0-9-1, 4.2.3: octet type, short channel, long size, payload, octet 0xCE. A method payload
// starts with short class-id and short method-id.
function amqpReader(): ReplyReader {
  const whole = frames((start) => (start.length < 7 ? undefined : 8 + start.readUInt32BE(3)))
  return {
    request: () => undefined,
    replies: (chunk) =>
      whole(chunk).map((bytes) => {
        const isMethod = bytes[0] === METHOD_FRAME
        const classId = isMethod ? bytes.readUInt16BE(7) : 0
        const methodId = isMethod ? bytes.readUInt16BE(9) : 0
        return { bytes, amqp: { channel: bytes.readUInt16BE(1), classId, methodId } }
      }),
  }
}

/** A response to a Kafka request with this api key (0 is Produce). */
export const kafkaReply =
  (apiKey: number) =>
  (reply: Reply): boolean =>
    reply.kafka?.apiKey === apiKey

/** A publisher confirm of RabbitMQ: `basic.ack` or `basic.nack`. */
export const amqpConfirm = (reply: Reply): boolean =>
  reply.amqp?.classId === 60 && (reply.amqp.methodId === 80 || reply.amqp.methodId === 120)
