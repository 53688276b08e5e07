import { useMemo, useState } from 'preact/hooks'
import type { Room } from '@parley/client'
import { dialog, openMenu, type MenuItem } from '../app/overlay'
import { availability, type Availability } from '../app/preferences'
import { go, openPanel, route } from '../app/route'
import { chat, signOut } from '../app/session'
import { report } from '../app/toast'
import { useMe } from '../app/me'
import { useWatchPresence } from '../app/presence'
import { useWatch } from '../app/watch'
import { Avatar, Handle } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { Logo } from '../design/Logo'
import { t } from '../i18n'
import { RoomLink } from './RoomLink'

/** So many conversations are in the page before one scrolls on to more. */
const PAGE = 100

/** Sidebar lists one's conversations and leads to everything that is in none of them. */
export function Sidebar() {
  const { rooms } = chat()
  const all = useWatch(rooms, () => rooms.all)
  const loaded = useWatch(rooms, () => rooms.loaded)
  const [filter, setFilter] = useState('')
  const peers = useMemo(() => [chat().me.id, ...all.slice(0, 200).flatMap(room => room.peer ? [room.peer.id] : [])], [all])
  useWatchPresence(peers)
  const wanted = filter.trim().toLowerCase()
  const [most, setMost] = useState(PAGE)
  const fits = (room: Room) => !wanted || `${room.name} ${room.peer?.username ?? ''}`.toLowerCase().includes(wanted)
  const shown = all.filter(fits)
  const favourites = shown.filter(room => room.favourite && !room.archived)
  const open = shown.filter(room => !room.favourite && !room.archived).slice(0, most)
  const archived = shown.filter(room => room.archived).slice(0, most)
  return (
    <nav class="sidebar" aria-label={t('rooms.label')} onKeyDown={roving}>
      <header>
        <Logo size={28} /><span class="brand">Parley</span>
        <button type="button" class="icon-button" aria-label={t('search.messages')} title={t('search.messages')} onClick={() => openPanel({ kind: 'search' })}><Icon name="search" /></button>
        <button type="button" class="icon-button main" aria-label={t('new.title')} title={t('new.title')} onClick={() => { dialog.value = 'new-room' }}><Icon name="plus" /></button>
      </header>
      <label class="search-field"><span class="sr-only">{t('rooms.filter')}</span><Icon name="search" size={16} /><input class="input" type="search" placeholder={t('rooms.filter')} value={filter} onInput={e => setFilter(e.currentTarget.value)}
        onKeyDown={e => {
          const first = favourites[0] ?? open[0]
          if (e.key === 'Enter' && first) { go({ page: 'room', room: first.id }); setFilter('') } else if (e.key === 'Escape') setFilter('')
        }} /></label>
      <div class="scroll" onScroll={({ currentTarget: list }) => { if (list.scrollTop + list.clientHeight > list.scrollHeight - 600 && most < all.length) setMost(most + PAGE) }}>
        {!loaded && all.length === 0 && <Waiting />}
        <Section title={t('rooms.favourites')} rooms={favourites} />
        <Section title={t('rooms.all')} rooms={open} hidden={favourites.length === 0} />
        <Section title={t('rooms.archived')} rooms={archived} />
        {loaded && shown.length === 0 && (
          <div class="empty">
            {wanted ? <p>{t('rooms.none', { q: filter.trim() })}</p> : <><h2>{t('rooms.empty')}</h2><p>{t('rooms.empty.text')}</p></>}
            <a class="button slim" href="#/browse">{t('browse.title')}</a>
          </div>
        )}
      </div>
      <a class="browse" href="#/browse" aria-current={route.value.page === 'browse' ? 'page' : undefined}><Icon name="compass" size={20} />{t('browse.title')}</a>
      <Me />
    </nav>
  )
}

function Section({ title, rooms, hidden }: { title: string; rooms: readonly Room[]; hidden?: boolean }) {
  if (rooms.length === 0) return null
  return (
    <section aria-label={title}>
      <h2 class={hidden ? 'sr-only' : 'section'}>{title}</h2>
      <ul>{rooms.map(room => <RoomLink key={room.id} room={room} />)}</ul>
    </section>
  )
}

function Waiting() {
  return <div role="status" aria-label={t('loading')}>{[70, 50, 85, 60, 75].map((width, i) => <div key={i} class="ghost"><span class="skeleton face" /><span><span class="skeleton line" style={{ inlineSize: `${width}%` }} /><span class="skeleton line short" /></span></div>)}</div>
}

/** roving moves the focus among the conversations with the arrows. */
function roving(e: KeyboardEvent): void {
  if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return
  const all = [...(e.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('a.room-link')]
  const at = all.indexOf(document.activeElement as HTMLElement)
  if (at < 0 && !(e.target instanceof HTMLInputElement)) return
  all[e.key === 'ArrowDown' ? at + 1 : Math.max(0, at - 1)]?.focus()
  e.preventDefault()
}

function Me() {
  const me = useMe()
  const { presence } = chat()
  const mine = useWatch(presence, () => presence.get(me.id))
  const menu = (e: MouseEvent) => {
    const set = (status: Availability) => () => { availability.value = status; void chat().setStatus(status, mine.status_text).catch(report) }
    const items: MenuItem[] = [
      ...(['online', 'away', 'busy', 'offline'] as const).map(status => ({ label: t(status === 'offline' ? 'presence.invisible' : `presence.${status}`), checked: availability.value === status, run: set(status) })),
      { label: t('settings'), icon: 'gear', apart: true, run: () => go({ page: 'settings' }) },
      ...(me.role === 'owner' || me.role === 'admin' ? [{ label: t('admin'), icon: 'shield' as const, run: () => go({ page: 'admin' }) }] : []),
      { label: t('shortcuts'), icon: 'keyboard', run: () => { dialog.value = 'shortcuts' } },
      { label: t('sign_out'), icon: 'door', danger: true, apart: true, run: () => void signOut().catch(report) },
    ]
    openMenu(t('me.menu'), e.currentTarget as Element, items)
  }
  return (
    <footer>
      <button type="button" class="whoami" aria-haspopup="menu" title={t('me.menu')} onClick={menu}>
        <span class="sr-only">{t('me.menu')}</span>
        <Avatar id={me.id} name={me.display_name || me.username} size={34} presence />
        <span class="grow"><b class="ellipsis" dir="auto">{me.display_name || me.username}</b><span class="small soft ellipsis">{mine.status_text || me.status_text ? <bdi>{mine.status_text || me.status_text}</bdi> : <Handle of={me} />}</span></span>
        <Icon name="more" />
      </button>
    </footer>
  )
}
