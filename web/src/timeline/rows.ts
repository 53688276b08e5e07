import type { Item, Message, Notice } from '@parley/client'
import { midnight } from '../i18n'

export type Row =
  | { kind: 'day'; key: string; at: number }
  | { kind: 'unread'; key: string }
  | { kind: 'message'; key: string; message: Message; first: boolean }
  | { kind: 'notice'; key: string; notice: Notice }

/** Messages of one person that follow each other within this time stand under one name. */
const TOGETHER_MS = 5 * 60_000
const DAY_MS = 86_400_000

/** rowsOf puts separators between items. `unreadAfter` is the number that was read last when the room was opened; without it there is no divider. */
export function rowsOf(items: readonly Item[], unreadAfter: number | undefined, me: string): Row[] {
  const rows: Row[] = []
  let nextDay = 0
  let dayStart = 0
  let before: Message | undefined
  let divided = unreadAfter === undefined
  for (const item of items) {
    if (item.at >= nextDay || item.at < dayStart) {
      dayStart = midnight(item.at)
      nextDay = midnight(dayStart + DAY_MS + DAY_MS / 2) // a day may have 23 or 25 hours
      rows.push({ kind: 'day', key: `day ${dayStart}`, at: dayStart })
      before = undefined
    }
    if (!divided && item.kind === 'message' && item.seq !== undefined && item.seq > unreadAfter!) {
      divided = true
      if (item.by !== me) {
        rows.push({ kind: 'unread', key: 'unread' })
        before = undefined
      }
    }
    if (item.kind === 'notice') {
      if (!told(item)) continue
      rows.push({ kind: 'notice', key: item.key, notice: item })
      before = undefined
      continue
    }
    const first = !before || before.by !== item.by || item.at - before.at > TOGETHER_MS || item.reply_to !== undefined || before.thread !== item.thread || before.deleted !== item.deleted
    rows.push({ kind: 'message', key: item.key, message: item, first })
    before = item
  }
  return rows
}

/** told says whether a notice is worth a line. */
const told = (notice: Notice) => notice.event.kind === 'member' || notice.event.kind === 'room'

/** moves is true for rows that stand elsewhere when messages are added before them. */
export const moves = (row: Row) => row.kind === 'day' || row.kind === 'unread'

/** guess is about how high a row is, before it has been measured. */
export function guess(row: Row, width: number): number {
  switch (row.kind) {
    case 'day': return 44
    case 'unread': return 28
    case 'notice': return 30
    default: {
      const perLine = Math.max(20, (width - 90) / 7.2)
      const { text, reactions, reply_to: quote, replyCount } = row.message
      let lines = 0
      for (let from = 0; from <= text.length;) {
        const end = text.indexOf('\n', from)
        const to = end < 0 ? text.length : end
        lines += Math.max(1, Math.ceil((to - from) / perLine))
        from = to + 1
      }
      return lines * 22 + (row.first ? 32 : 4) + (reactions.length > 0 ? 34 : 0) + (quote ? 24 : 0) + (replyCount > 0 ? 30 : 0)
    }
  }
}
