import type { Room } from '@parley/client'
import { openMenu, profile, type MenuItem } from '../app/overlay'
import { go, openPanel, route, togglePanel } from '../app/route'
import { chat } from '../app/session'
import { report } from '../app/toast'
import { useWatch } from '../app/watch'
import { Avatar } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { number, t } from '../i18n'
import { archive, leave } from './leave'
import { pickDay } from '../timeline/DayDialog'

/** RoomHeader names the room and leads to what belongs to it. */
export function RoomHeader({ room }: { room: Room }) {
  const name = useWatch(room, () => room.name)
  const now = route.value
  const panel = now.page === 'room' ? now.panel?.kind : undefined
  const people = useWatch(room, () => room.member_count)
  return (
    <header class="room-header">
      <button type="button" class="icon-button back" aria-label={t('back')} onClick={() => go({ page: 'home' })}><Icon name="back" /></button>
      <Avatar id={room.peer?.id ?? room.id} name={name} size={34} room={room.kind !== 'direct'} presence={room.kind === 'direct'} />
      <div class="grow titles">
        <h1 class="ellipsis"><button type="button" dir="auto" aria-label={t('room.details.of', { name })} onClick={() => room.peer ? (profile.value = room.peer.id) : togglePanel({ kind: 'details' })}>{name}</button></h1>
        <Subtitle room={room} />
      </div>
      {room.kind !== 'direct' && (
        <button type="button" class="icon-button members-button" aria-pressed={panel === 'members'} aria-label={t('members.count', { count: people })} title={t('members')} onClick={() => togglePanel({ kind: 'members' })}><Icon name="people" /><span aria-hidden="true">{number(people)}</span></button>
      )}
      <button type="button" class="icon-button" aria-pressed={panel === 'search'} aria-label={t('search')} title={t('search')} onClick={() => togglePanel({ kind: 'search' })}><Icon name="search" /></button>
      <button type="button" class="icon-button" aria-haspopup="menu" aria-label={t('room.actions')} title={t('room.actions')} onClick={e => openMenu(t('room.actions'), e.currentTarget, roomItems(room))}><Icon name="more" /></button>
    </header>
  )
}

function Subtitle({ room }: { room: Room }) {
  const topic = useWatch(room, () => room.topic)
  const { presence } = chat()
  const peer = room.kind === 'direct' ? room.peer : undefined
  const state = useWatch(presence, () => peer ? presence.get(peer.id) : undefined)
  const flags = useWatch(room, () => room.archived ? 'archived' : room.read_only ? 'read_only' : '')
  const text = flags ? t(`room.${flags as 'archived' | 'read_only'}`) : peer ? state?.status_text || peer.status_text || t(`presence.${state?.status ?? 'offline'}`) : topic
  return text ? <p class="small soft ellipsis" dir="auto" title={text}>{text}</p> : null
}

/** roomItems is what one can do with a room, from its header and from the list. */
export function roomItems(room: Room): MenuItem[] {
  const { me } = chat()
  const mine = (wish: Parameters<Room['setMine']>[0]) => () => void room.setMine(wish).catch(report)
  const items: MenuItem[] = [
    { label: t('room.details'), icon: 'info', run: () => { go({ page: 'room', room: room.id }); openPanel({ kind: 'details' }) } },
    { label: t('day.jump'), icon: 'calendar', run: () => { go({ page: 'room', room: room.id }); pickDay(Date.now(), day => void jumpToDay(room, day)) } },
    { label: t('room.favourite'), icon: 'star', checked: room.favourite, apart: true, run: mine({ favourite: !room.favourite }) },
    { label: t('room.mute'), icon: 'mute', checked: room.muted, run: mine({ muted: !room.muted }) },
  ]
  if (room.unread > 0) items.push({ label: t('room.mark_read'), icon: 'check', run: () => room.markRead() })
  const runs = room.role === 'owner' || me.role === 'owner' || me.role === 'admin'
  if (room.kind !== 'direct') {
    items.push({ label: t('room.leave'), icon: 'door', danger: true, apart: true, run: () => void leave(room) })
    if (runs && !room.archived) items.push({ label: t('room.archive'), icon: 'archive', danger: true, run: () => void archive(room) })
  }
  return items
}

async function jumpToDay(room: Room, day: Date): Promise<void> {
  try {
    go({ page: 'room', room: room.id, at: await room.timeline.jumpTo(day) })
  } catch (error) {
    report(error)
  }
}
