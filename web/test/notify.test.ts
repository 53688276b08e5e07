import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concerns } from '../src/app/concerns.ts'

const room = { muted: false, archived: false, notify: 'all' as const }
const said = { by: 'bob', deleted: false, mentions: [] as string[], mentionAll: false }

test('every message concerns somebody, except their own', () => {
  assert.equal(concerns(room, said, 'anna'), true)
  assert.equal(concerns(room, said, 'bob'), false)
  assert.equal(concerns(room, { ...said, deleted: true }, 'anna'), false)
})

test('with mentions only, one is called by name or with all', () => {
  const quiet = { ...room, notify: 'mentions' as const }
  assert.equal(concerns(quiet, said, 'anna'), false)
  assert.equal(concerns(quiet, { ...said, mentions: ['anna'] }, 'anna'), true)
  assert.equal(concerns(quiet, { ...said, mentions: ['carl'] }, 'anna'), false)
  assert.equal(concerns(quiet, { ...said, mentionAll: true }, 'anna'), true)
})

test('a room that is muted, archived or set to nothing is silent, whoever is mentioned', () => {
  for (const setting of [{ muted: true }, { archived: true }, { notify: 'none' as const }]) assert.equal(concerns({ ...room, ...setting }, { ...said, mentions: ['anna'] }, 'anna'), false)
})
