import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '@waybill/core'
import type { Capabilities } from '@waybill/core/spi'
import type { Case, CaseTools } from './case.js'
import { acknowledging } from './cases/acknowledging.js'
import { bounds } from './cases/bounds.js'
import { closing } from './cases/closing.js'
import { cut } from './cases/cut.js'
import { groups } from './cases/groups.js'
import { interop } from './cases/interop.js'
import { members } from './cases/members.js'
import { ordering } from './cases/ordering.js'
import { type OutageCase, outage } from './cases/outage.js'
import { publishing } from './cases/publishing.js'
import type { BrokerFaults, TransportHarness } from './harness.js'
import { type Play, playAtOnce, playThroughOutage } from './play.js'
import type { TestRunner } from './runner.js'
import { Scene } from './scene.js'

export interface SuiteOptions {
  /** How often every case is played, at the same time. @default 1 */
  readonly repeat?: number
  /** Cases played at once. @default 6 */
  readonly atOnce?: number
  /** Longest that anything may take that a case waits for. @default 45_000 */
  readonly patienceMs?: number
  /** Plays only cases whose names match. */
  readonly only?: RegExp
}

/** Longest that one case may take, with those it waits for. */
const CASE_TIMEOUT_MS = 120_000

/**
 * The contract (C1–C7, C10–C15) as tests of a transport, one or more for each promise. What the transport
 * cannot do, by its `capabilities`, is asserted to be refused as documented.
 *
 * @param factory starts the broker and says how to reach it; called once.
 * @param capabilities what the transport must say of itself, flag by flag.
 */
export function describeTransport(
  name: string,
  factory: () => Promise<TransportHarness>,
  capabilities: Capabilities,
  runner: TestRunner,
  { repeat = 1, atOnce = 6, patienceMs = 45_000, only = /(?:)/ }: SuiteOptions = {},
): void {
  const { describe, it, beforeAll, afterAll, expect } = runner
  // Complete once the broker has started.
  const actual = { ...capabilities }
  const tools: CaseTools = { expect, capabilities: actual }
  const isWanted = (entry: { readonly name: string }): boolean => only.test(entry.name)
  const folder = mkdtempSync(join(tmpdir(), 'waybill-conformance-'))
  let harness: TransportHarness | undefined
  let scenes = 0

  const scene = (): Scene => {
    if (harness === undefined) throw new Error('The broker did not start.')
    scenes += 1
    const unique = `${name}-${process.pid}-${Date.now().toString(36)}-${scenes}`
    const journal = join(folder, `${scenes}.jsonl`)
    writeFileSync(journal, '')
    return new Scene(harness, unique, journal, patienceMs)
  }
  const pool = (title: string, cases: readonly Case[], limit: number): void => {
    const wanted = Array.from({ length: repeat }, () => cases.filter(isWanted)).flat()
    if (wanted.length > 0) describe(title, () => register(playAtOnce(wanted, scene, limit)))
  }
  const register = (play: Play): void => {
    beforeAll(play.start)
    for (const { name: title, result } of play.cases) it(title, result, CASE_TIMEOUT_MS)
  }

  const around = (
    title: string,
    cases: readonly OutageCase[],
    begin: () => Promise<void>,
    end: () => Promise<void>,
  ): void => {
    const wanted = cases.filter(isWanted)
    if (wanted.length > 0) describe(title, () => register(playThroughOutage(wanted, scene, begin, end)))
  }

  describe(`${name} keeps the contract`, () => {
    beforeAll(async () => {
      harness = await factory()
      Object.assign(actual, harness.capabilities)
    }, CASE_TIMEOUT_MS)
    afterAll(async () => {
      await harness?.stop()
      rmSync(folder, { recursive: true })
    }, CASE_TIMEOUT_MS)

    it('says of itself what it can do', async () => {
      const transport = harness?.createTransport({ cuttable: false })
      if (transport === undefined) throw new Error('The broker did not start.')
      const bus = await connect({ transport })
      expect(transport.capabilities).toEqual(actual)
      await bus.close()
    })
    const short = [publishing, ordering, acknowledging, groups, bounds, closing, interop]
    pool(
      'while all is well',
      short.flatMap((cases) => cases(tools)),
      atOnce,
    )
    pool('with members that die, join and leave', members(tools), 4)
    const { cutOff, reconnect, kill, restart } = faultsOf(() => harness)
    around('while some are cut off from the broker', cut(tools), cutOff, reconnect)
    around('through an outage of the broker', outage(tools), kill, restart)
  })
}

/** The faults of a harness that is there once a test runs. */
function faultsOf(
  harness: () => TransportHarness | undefined,
): Pick<BrokerFaults, 'kill' | 'restart' | 'cutOff' | 'reconnect'> {
  const now = (fault: (faults: BrokerFaults) => Promise<void>) => async (): Promise<void> => {
    const current = harness()
    if (current !== undefined) await fault(current.faults)
  }
  return {
    kill: now((faults) => faults.kill()),
    restart: now((faults) => faults.restart()),
    cutOff: now((faults) => faults.cutOff()),
    reconnect: now((faults) => faults.reconnect()),
  }
}
