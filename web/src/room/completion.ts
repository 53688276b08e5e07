import type { Room, User } from '@parley/client'
import { chat } from '../app/session'
import { find } from '../emoji/data'
import { nameOf } from '../design/Avatar'

export interface Choice { id: string; insert: string; user?: User; emoji?: string; title: string; hint?: string }
/** Query is the beginning of a name or a code that the caret stands after. */
export interface Query { kind: '@' | ':'; word: string; from: number }

/** queryAt finds what could be completed at a caret: `@` and `:` count only at the start of a word. */
export function queryAt(text: string, caret: number): Query | undefined {
  const found = /(?:^|[\s([{"'])([@:])([\p{L}\p{N}_.+-]*)$/u.exec(text.slice(Math.max(0, caret - 48), caret))
  if (!found) return undefined
  const [, kind, word = ''] = found
  if (kind === ':' && word.length < 2) return undefined
  return { kind: kind as '@' | ':', word, from: caret - word.length - 1 }
}

/** choices answers what a query may mean, the best first. */
export async function choices(room: Room, query: Query, members: readonly User[]): Promise<Choice[]> {
  if (query.kind === ':') {
    return (await find(query.word)).map(e => ({ id: e.emoji, insert: `${e.emoji} `, emoji: e.emoji, title: `:${e.codes.find(code => code.startsWith(query.word.toLowerCase())) ?? e.codes[0]}:` }))
  }
  const word = query.word.toLowerCase()
  const fits = (user: User) => user.username.startsWith(word) || user.display_name.toLowerCase().split(/\s+/).some(part => part.startsWith(word))
  const all: Choice[] = room.role !== 'member' && room.kind !== 'direct' && 'all'.startsWith(word) ? [{ id: 'all', insert: '@all ', title: '@all' }] : []
  const people = members.filter(user => user.id !== chat().me.id && fits(user)).slice(0, 8)
  return [...people.map(user => ({ id: user.id, insert: `@${user.username} `, user, title: nameOf(user), hint: `@${user.username}` })), ...all]
}
