import type { Membership, Transport, TransportPublisher } from '@waybill/core/spi'

/** What to put around the parts of a transport; the rest stays as it is. */
export interface Wrapping {
  readonly publisher?: (publisher: TransportPublisher) => TransportPublisher
  /** Around what the engine gives to the driver. */
  readonly membership?: (engine: Membership) => Membership
}

export function wrapTransport(transport: Transport, wrapping: Wrapping): Transport {
  const { publisher = (real) => real, membership = (engine) => engine } = wrapping
  return {
    name: transport.name,
    get capabilities() {
      return transport.capabilities
    },
    connect: (context) => transport.connect(context),
    declare: (topic) => transport.declare(topic),
    openPublisher: async () => publisher(await transport.openPublisher()),
    openConsumer: (request, engine) => transport.openConsumer(request, membership(engine)),
    inspect: (topic, group) => transport.inspect(topic, group),
    close: () => transport.close(),
  }
}
