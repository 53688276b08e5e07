import { signal, type Signal } from '@preact/signals'
import type { Member, Room, User } from '@parley/client'
import { chat } from '../app/session'

/** Known is what has been fetched of a room's members. */
export interface Known { members: readonly Member[]; next?: string; complete: boolean; loading: boolean; error?: unknown }

const rooms = new WeakMap<Room, Signal<Known>>()

/** membersOf is the members of a room as far as they are fetched; it starts to fetch them. */
export function membersOf(room: Room): Signal<Known> {
  let known = rooms.get(room)
  if (!known) {
    rooms.set(room, known = signal<Known>({ members: [], complete: false, loading: false }))
    void more(room)
  }
  return known
}

/** more fetches the next page. */
export async function more(room: Room): Promise<void> {
  const known = rooms.get(room)
  if (!known || known.value.loading || known.value.complete) return
  known.value = { ...known.value, loading: true, error: undefined }
  try {
    const page = await room.members(known.value.next)
    const seen = new Set(known.value.members.map(m => m.user))
    known.value = {
      members: [...known.value.members, ...page.members.filter(m => !seen.has(m.user))],
      ...(page.next_cursor && { next: page.next_cursor }), complete: !page.next_cursor, loading: false,
    }
  } catch (error) {
    known.value = { ...known.value, loading: false, error }
  }
}

/** refresh starts anew, after somebody came, went or got another role. */
export function refresh(room: Room): void {
  const known = rooms.get(room)
  if (!known) return
  known.value = { members: [], complete: false, loading: false }
  void more(room)
}

/** peopleOf is the profiles of those members that are known. */
export function peopleOf(room: Room): User[] {
  const { users } = chat()
  if (room.kind === 'direct') return room.peer ? [room.peer] : []
  return membersOf(room).value.members.map(m => users.get(m.user)).filter(user => user !== undefined)
}
