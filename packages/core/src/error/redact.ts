// Up to the last @ of what has no space or quote: a password may have any of :, / and @ in it.
const userInfo = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>]*@/gi

/**
 * A text without the credentials of any URL in it, and without the given secrets, also as a URL
 * spells them. Everything that a client library says passes through here before it becomes part of
 * an error or a log line.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  const spellings = secrets.flatMap((secret) => [secret, encodeURIComponent(secret.toWellFormed())])
  // The longest first, so that one that is part of another leaves no rest of it.
  return spellings
    .filter((secret) => secret !== '')
    .toSorted((one, other) => other.length - one.length)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text.replace(userInfo, '$1***@'))
}
