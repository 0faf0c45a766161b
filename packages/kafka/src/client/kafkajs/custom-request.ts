import type { ProtocolRequest } from './internals.js'

export interface CustomRequest<T> {
  readonly apiKey: number
  readonly apiVersion: number
  readonly apiName: string
  readonly encode: () => Buffer
  /** Gets what follows the correlation id. */
  readonly decode: (raw: Buffer) => T
}

/** A request of our own over kafkajs's connection, which takes anything that looks like one of its encoders. */
export function customRequest<T>({ encode, decode, ...request }: CustomRequest<T>): ProtocolRequest<T> {
  return {
    request: {
      ...request,
      encode: async () => {
        const buffer = encode()
        return { buf: buffer, buffer }
      },
    },
    response: {
      decode: async (raw) => ({ answer: decode(raw) }),
      parse: async ({ answer }: { readonly answer: T }) => answer,
    },
  }
}
