const userInfo = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi

/**
 * A text without the credentials of any URL in it, and without the given secrets. Everything that a
 * client library says passes through here before it becomes part of an error or a log line.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  const withoutUrls = text.replace(userInfo, '$1***@')
  return secrets
    .filter((secret) => secret !== '')
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), withoutUrls)
}
