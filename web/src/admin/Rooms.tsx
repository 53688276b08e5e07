import { useState } from 'preact/hooks'
import type { RoomInfo } from '@parley/client'
import { confirm } from '../app/overlay'
import { href } from '../app/route'
import { chat } from '../app/session'
import { report } from '../app/toast'
import { Avatar } from '../design/Avatar'
import { t } from '../i18n'
import { Filter, List } from './List'
import { usePaged } from './paged'

/** Rooms is every room of the installation, also those one is not in. */
export function Rooms() {
  const [query, setQuery] = useState('')
  const page = usePaged<RoomInfo>(async (q, cursor) => {
    const found = await chat().api.adminListRooms({ query: q.trim(), ...(cursor && { cursor }) })
    return { items: found.rooms ?? [], next: found.next_cursor }
  }, query)
  const archive = async (room: RoomInfo) => {
    if (!await confirm({ title: t('room.archive.title', { name: room.name }), text: t('room.archive.text'), action: t('room.archive'), danger: true })) return
    try {
      await chat().api.archiveRoom({ room: room.id })
      page.change(now => now.map(other => other.id === room.id ? { ...other, archived: true } : other))
    } catch (error) {
      report(error)
    }
  }
  return (
    <>
      <Filter label={t('admin.rooms.filter')} value={query} onChange={setQuery} />
      <List page={page} label={t('admin.rooms')} empty={t('rooms.none', { q: query })} render={room => (
        <li key={room.id}>
          <div class="row">
            <Avatar id={room.id} name={room.name || '–'} room />
            <span class="grow">{room.kind === 'direct' ? <span>{t('room.kind.direct')}</span> : <a class="link ellipsis" href={href({ page: 'room', room: room.id })}><bdi>{room.name}</bdi></a>}<p class="small soft ellipsis">{room.kind !== 'direct' && `${t(`room.kind.${room.kind}`)} · `} {t('members.count', { count: room.member_count })} · {t('admin.rooms.messages', { count: room.head })}</p></span>
            {room.archived ? <span class="tag">{t('room.archived')}</span>
              : room.kind !== 'direct' && <button type="button" class="button danger slim" aria-label={t('admin.rooms.archive', { name: room.name })} onClick={() => void archive(room)}>{t('room.archive')}</button>}
          </div>
        </li>
      )} />
    </>
  )
}
