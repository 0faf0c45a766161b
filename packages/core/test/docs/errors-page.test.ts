import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCodes } from '../../src/error/codes.js'

describe('docs/errors.md', () => {
  it('has every error code once, in the order of the code, with what happened and what to do', () => {
    const page = readFileSync(join(__dirname, '../../../../docs/errors.md'), 'utf8').replace(/ {2,}/g, ' ')
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| [^|]{10,} \| [^|]{5,} \|$/gm)]
    expect(rows.map(([, code]) => code)).toEqual(errorCodes)
  })
})
