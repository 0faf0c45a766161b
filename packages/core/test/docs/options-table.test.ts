import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { busOptionTable, subscribeOptionTable } from '../../src/bus/options.js'
import type { Option } from '../../src/option/option.js'
import { retryOptionTable } from '../../src/policy/retry.js'
import { topicOptionTable } from '../../src/topic/define-topic.js'

const page = readFileSync(join(__dirname, '../../../../docs/options.md'), 'utf8').replace(/ {2,}/g, ' ')

/** The rows of a section as the page has them, without their meaning. */
function documented(title: string): readonly string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? ''
  return [...section.matchAll(/^(\| `\w+` \|[^|]*\|[^|]*\|) [^|]+ \|$/gm)].map(([, row]) => row ?? '')
}

function expected(table: Readonly<Record<string, Option>>): readonly string[] {
  return Object.entries(table).map(
    ([name, option]) => `| \`${name}\` | ${show(option.default)} | ${bounds(option)} |`,
  )
}

function bounds(option: Option): string {
  if (option.kind === 'number') return `${show(option.min)} to ${show(option.max)}`
  return option.kind === 'choice' ? option.choices.map(show).join(', ') : 'not empty'
}

function show(value: string | number | boolean | undefined): string {
  if (value === undefined) return '–'
  if (typeof value === 'number') return value.toLocaleString('en-US')
  return typeof value === 'string' ? `\`'${value}'\`` : `\`${value}\``
}

describe('docs/options.md', () => {
  it.each([
    ['connect() and createBus()', busOptionTable],
    ['subscribe()', subscribeOptionTable],
    ['defineTopic()', topicOptionTable],
    ['exponential()', retryOptionTable],
  ])('has every option of %s with its default and bounds, and no other', (title, table) => {
    expect(documented(title)).toEqual(expected(table))
  })
})
