import type { Panel as Which } from '../app/route'
import { chat } from '../app/session'
import { useWatch } from '../app/watch'
import { DetailsPanel } from './DetailsPanel'
import { MembersPanel } from './MembersPanel'
import { SearchPanel } from './SearchPanel'
import { ThreadPanel } from './ThreadPanel'

/** Panel is what is open beside a conversation. */
export function Panel({ which, room: id }: { which: Which; room: string | undefined }) {
  const { rooms } = chat()
  const room = useWatch(rooms, () => id === undefined ? undefined : rooms.get(id))
  if (which.kind === 'search') return <SearchPanel room={room} />
  if (!room) return null
  if (which.kind === 'thread') return <ThreadPanel key={`${room.id} ${which.root}`} room={room} root={which.root} />
  return which.kind === 'members' ? <MembersPanel key={room.id} room={room} /> : <DetailsPanel key={room.id} room={room} />
}
