import type { Message, Room } from '@parley/client'

/** concerns says whether somebody wants to hear of a message, by their own setting of its room. */
export function concerns(room: Pick<Room, 'muted' | 'archived' | 'notify'>, m: Pick<Message, 'by' | 'deleted' | 'mentions' | 'mentionAll'>, me: string): boolean {
  if (m.by === me || m.deleted || room.muted || room.archived || room.notify === 'none') return false
  return room.notify === 'all' || m.mentionAll || m.mentions.includes(me)
}
