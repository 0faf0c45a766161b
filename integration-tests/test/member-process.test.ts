import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type MemberProcess, type ProcessConfig, readJournal, spawnMember } from '@waybill/testkit'
import { build } from './support/build.js'
import { stands } from './support/until.js'

describe('a member that is a process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-member-'))
  const journal = join(folder, 'journal.jsonl')
  const started: MemberProcess[] = []

  const start = async (change: Partial<ProcessConfig> = {}): Promise<MemberProcess> => {
    const member = await spawnMember({
      name: 'first',
      journal,
      transport: { module: '@waybill/memory', export: 'memory', options: {} },
      topic: { name: 'work', groups: ['g'], partitions: 2 },
      member: { group: 'g' },
      ...change,
    })
    started.push(member)
    return member
  }
  const isAlive = ({ pid }: MemberProcess): boolean => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }

  beforeAll(async () => {
    writeFileSync(journal, '')
    await build('testkit', 'memory')
  }, 60_000)
  afterAll(async () => {
    await Promise.all(started.map((member) => member.kill()))
    rmSync(folder, { recursive: true })
  })

  it('joins, tells its status, and ends with its close', async () => {
    const member = await start()
    expect(await member.status()).toMatchObject({ topic: 'work', group: 'g', state: 'running' })
    expect(await member.close()).toEqual({ finished: 0, aborted: 0, returned: 0 })
    expect(isAlive(member)).toBe(false)
  }, 30_000)

  it('is dead after kill(), which the journal has, and answers nothing more', async () => {
    const member = await start({ name: 'victim' })
    const asked = Promise.allSettled([member.kill(), member.status()])
    expect((await asked)[0]).toMatchObject({ status: 'fulfilled' })
    expect(isAlive(member)).toBe(false)
    expect(readJournal(journal)).toMatchObject([{ type: 'killed', victim: 'victim', member: 'test' }])
    await expect(member.status()).rejects.toThrow('victim')
  }, 30_000)

  it('stands still while frozen', async () => {
    const member = await start({ name: 'frozen' })
    member.freeze()
    const status = member.status()
    expect(await stands(status)).toBe(true)
    member.thaw()
    expect(await status).toMatchObject({ state: 'running' })
  }, 30_000)

  it('says why it could not start', async () => {
    const transport = { module: '@waybill/memory', export: 'memory', options: { maxStoredMessages: -1 } }
    await expect(start({ transport })).rejects.toThrow('maxStoredMessages')
    await expect(start({ transport: { ...transport, export: 'nothing' } })).rejects.toThrow(
      'has no export nothing',
    )
  }, 30_000)
})
