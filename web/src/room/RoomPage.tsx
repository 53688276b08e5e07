import { useEffect } from 'preact/hooks'
import type { Room } from '@parley/client'
import type { Route } from '../app/route'
import { chat } from '../app/session'
import { useWatch } from '../app/watch'
import { Icon } from '../design/Icon'
import { t } from '../i18n'
import { TimelineView } from '../timeline/TimelineView'
import { Beginning } from './Beginning'
import { Composer } from './Composer'
import { RoomHeader } from './RoomHeader'
import { Stranger } from './Stranger'
import { Typing } from './Typing'

type At = Extract<Route, { page: 'room' }>

/** RoomPage is one conversation. */
export function RoomPage({ at }: { at: At }) {
  const { rooms } = chat()
  const room = useWatch(rooms, () => rooms.get(at.room))
  const loaded = useWatch(rooms, () => rooms.loaded)
  if (room) return <Conversation key={room.id} room={room} at={at} />
  if (!loaded) return <main id="main" class="page" aria-busy="true"><span class="spinner center" role="status" aria-label={t('loading')} /></main>
  return <Stranger id={at.room} />
}

function Conversation({ room, at }: { room: Room; at: At }) {
  const name = useWatch(room, () => room.name)
  useEffect(() => { localStorage.setItem('parley.app.room', room.id) }, [room])
  useEffect(() => { if (room.member_count <= 200) room.loadReceipts().catch(() => {}) }, [room])
  return (
    <main id="main" class="page conversation" aria-label={name}>
      <RoomHeader room={room} />
      <TimelineView key={room.id} room={room} timeline={room.timeline} {...(at.at !== undefined && { at: at.at })} atRoute={at.at !== undefined ? at : undefined} label={t('timeline.label', { name })} beginning={<Beginning room={room} />} />
      <Typing room={room} />
      <Composer key={room.id} room={room} timeline={room.timeline} />
    </main>
  )
}

/** Nothing is what stands where a conversation would be. */
export function Nothing() {
  return (
    <main id="main" class="page">
      <div class="empty fill">
        <Icon name="thread" size={44} />
        <h2>{t('nothing.title')}</h2>
        <p>{t('nothing.text')}</p>
      </div>
    </main>
  )
}
