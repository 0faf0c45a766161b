import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Option } from '@waybill/core/spi'
import { kafkaOptionTable } from '@waybill/kafka'
import { memoryOptionTable } from '@waybill/memory'
import { rabbitmqOptionTable } from '@waybill/rabbitmq'

const page = readFileSync(join(__dirname, '../../docs/options.md'), 'utf8').replace(/ {2,}/g, ' ')

/** The rows of a section as the page has them, without their meaning. */
function documented(title: string): readonly string[] {
  const section = page.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? ''
  return [...section.matchAll(/^(\| `\w+` \|[^|]*\|[^|]*\|) [^|]+ \|$/gm)].map(([, row]) => row ?? '')
}

// Drivers have numbers only.
function expected(table: Readonly<Record<string, Option>>): readonly string[] {
  return Object.entries(table).map(([name, option]) => {
    if (option.kind !== 'number') throw new Error(`${name} is not a number`)
    const show = (value: number | undefined): string => value?.toLocaleString('en-US') ?? '–'
    return `| \`${name}\` | ${show(option.default)} | ${show(option.min)} to ${show(option.max)} |`
  })
}

describe('docs/options.md', () => {
  it.each([
    ['memory() and memoryBroker()', memoryOptionTable],
    ['kafka()', kafkaOptionTable],
    ['rabbitmq()', rabbitmqOptionTable],
  ])('has every option of %s with its default and bounds, and no other', (title, table) => {
    expect(documented(title)).toEqual(expected(table))
  })
})
