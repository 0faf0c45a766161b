/** Arguments of a server that keeps its data through a SIGKILL: every write is in the log before it is answered. */
export function redisArguments(directives: Readonly<Record<string, string>>): string[] {
  const all = { save: '', appendonly: 'yes', ...directives }
  return Object.entries(all).flatMap(([name, value]) => [`--${name}`, value])
}
