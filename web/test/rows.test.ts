import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Item, Message, Notice } from '@parley/client'
import { guess, rowsOf } from '../src/timeline/rows.ts'

const noon = new Date(2026, 2, 14, 12).getTime()
const HOUR = 3_600_000

function message(seq: number, by: string, at: number, more: Partial<Message> = {}): Message {
  return { kind: 'message', key: `m${seq}`, room: 'r', seq, by, at, text: 'x', deleted: false, replyCount: 0, reactions: [], mentions: [], mentionAll: false, state: 'sent', ...more }
}
const kinds = (items: Item[], unreadAfter?: number) => rowsOf(items, unreadAfter, 'me').map(row => row.kind === 'message' ? (row.first ? 'first' : 'next') : row.kind)

test('messages of one person in a few minutes stand under one name', () => {
  assert.deepEqual(kinds([message(1, 'a', noon), message(2, 'a', noon + 1000), message(3, 'b', noon + 2000), message(4, 'b', noon + 2000 + HOUR / 2)]), ['day', 'first', 'next', 'first', 'first'])
})

test('an answer, another thread and a deleted message begin anew', () => {
  assert.deepEqual(kinds([message(1, 'a', noon), message(2, 'a', noon, { reply_to: 1 })]), ['day', 'first', 'first'])
  assert.deepEqual(kinds([message(1, 'a', noon), message(2, 'a', noon, { thread: 1 }), message(3, 'a', noon, { thread: 1 })]), ['day', 'first', 'first', 'next'])
  assert.deepEqual(kinds([message(1, 'a', noon), message(2, 'a', noon, { deleted: true })]), ['day', 'first', 'first'])
})

test('each day has one separator, also where clocks are changed', () => {
  const items = Array.from({ length: 24 * 30 }, (_, i) => message(i + 1, 'a', noon + i * HOUR))
  const days = rowsOf(items, undefined, 'me').filter(row => row.kind === 'day')
  assert.equal(days.length, new Set(items.map(item => new Date(item.at).toDateString())).size)
  assert.equal(new Set(days.map(row => row.key)).size, days.length)
})

test('the divider stands before the first unread message of somebody else, once', () => {
  assert.deepEqual(kinds([message(1, 'a', noon), message(2, 'a', noon), message(3, 'a', noon)], 1), ['day', 'first', 'unread', 'first', 'next'])
  assert.deepEqual(kinds([message(1, 'a', noon)], 0), ['day', 'unread', 'first'])
  assert.deepEqual(kinds([message(1, 'a', noon), message(2, 'me', noon)], 1), ['day', 'first', 'first'])
  assert.deepEqual(kinds([message(1, 'a', noon), message(2, 'a', noon)]), ['day', 'first', 'next'])
})

test('what waits to be sent has no number and comes last', () => {
  const { seq: _, ...waiting } = message(9, 'me', noon, { state: 'sending', key: 'w' })
  const rows = rowsOf([message(1, 'a', noon), waiting], 1, 'me')
  assert.deepEqual(rows.map(row => row.key), [`day ${new Date(2026, 2, 14).getTime()}`, 'm1', 'w'])
})

test('a notice has a line of its own', () => {
  const notice = { kind: 'notice', key: 'n', room: 'r', seq: 2, by: 'a', at: noon, event: { kind: 'member', body: { op: 'join', user: 'a' } } } as unknown as Notice
  assert.deepEqual(kinds([message(1, 'a', noon), notice, message(3, 'a', noon)]), ['day', 'first', 'notice', 'first'])
})

test('longer messages are guessed higher', () => {
  const heights = ['x', 'x\n'.repeat(10), 'word '.repeat(400)].map(text => guess({ kind: 'message', key: 'm', first: true, message: message(1, 'a', noon, { text }) }, 700))
  assert.ok(heights[0]! < heights[1]! && heights[1]! < heights[2]!)
})
