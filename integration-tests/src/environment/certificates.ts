import { generate } from 'selfsigned'
import type { Certificates } from './broker.js'

/** Common name of the client certificate, and so the user whom RabbitMQ's EXTERNAL logs in. */
export const CLIENT_NAME = 'waybill-client'

/** A certificate authority of its own, with one certificate for a local server and one for a client. */
export async function createCertificates(): Promise<Certificates> {
  const authority = await generate([{ name: 'commonName', value: 'Waybill test authority' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const ca = { cert: authority.cert, key: authority.private }
  return {
    ca: ca.cert,
    server: await issue(ca, 'localhost', { serverAuth: true }),
    client: await issue(ca, CLIENT_NAME, { clientAuth: true }),
  }
}

async function issue(
  ca: { cert: string; key: string },
  commonName: string,
  usage: { serverAuth: true } | { clientAuth: true },
): Promise<{ cert: string; key: string }> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca,
    extensions: [
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', ...usage },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  return { cert, key }
}
