import type { Notice, Room } from '@parley/client'
import { openMenu } from '../app/overlay'
import { href, route } from '../app/route'
import { chat } from '../app/session'
import { useWatch } from '../app/watch'
import { Avatar, nameOf } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { memo } from '../design/memo'
import { brief, moment, number, t } from '../i18n'
import { focusComposer } from '../room/compose'
import { roomItems } from '../room/RoomHeader'
import { plain } from '../text/markdown'
import { useNotice } from '../timeline/NoticeRow'

/** RoomLink is a conversation in the list: its name, what was said last and how much is unread. */
export const RoomLink = memo<{ room: Room }>(function RoomLink({ room }) {
  const name = useWatch(room, () => room.name)
  const unread = useWatch(room, () => room.unread)
  const mentions = useWatch(room, () => room.mentions)
  const muted = useWatch(room, () => room.muted)
  const at = useWatch(room, () => room.lastAt)
  const now = route.value
  const current = now.page === 'room' && now.room === room.id
  const counts = [mentions > 0 ? t('rooms.mentions', { count: mentions }) : '', unread > 0 ? t('rooms.unread', { count: unread }) : ''].filter(Boolean).join(', ')
  const onContextMenu = (e: MouseEvent) => {
    e.preventDefault()
    openMenu(t('room.actions'), { x: e.clientX, y: e.clientY, width: 0, height: 0 }, roomItems(room))
  }
  return (
    <li>
      <a class={`room-link${unread > 0 && !muted ? ' unread' : ''}${muted ? ' muted' : ''}`} href={href({ page: 'room', room: room.id })} aria-current={current ? 'page' : undefined} onClick={() => { if (current) focusComposer(room.id) }} onContextMenu={onContextMenu}>
        <Avatar id={room.peer?.id ?? room.id} name={name} size={40} room={room.kind !== 'direct'} presence={room.kind === 'direct'} />
        <span class="grow">
          <span class="line"><span class="name ellipsis" dir="auto">{name}</span>{counts && <span class="sr-only">{counts}</span>}{muted && <Icon name="mute" size={14} />}{at > 0 && <time class="soft" title={moment(at)}>{brief(at)}</time>}</span>
          <span class="line"><Last room={room} />{mentions > 0 && <span class="badge at" aria-hidden="true">@{mentions > 1 ? number(mentions) : ''}</span>}{unread > 0 && <span class={`badge${muted ? ' quiet' : ''}`} aria-hidden="true">{unread > 999 ? '999+' : unread}</span>}</span>
        </span>
      </a>
    </li>
  )
})

function Last({ room }: { room: Room }) {
  const { users, me } = chat()
  const draft = useWatch(room, () => room.draft)
  const last = useWatch(room, () => room.last)
  const typing = useWatch(room, () => room.typing.length > 0)
  const author = useWatch(users, () => last?.kind === 'message' && last.by !== me.id && room.kind !== 'direct' ? nameOf(users.get(last.by)) : undefined)
  const open = route.value.page === 'room' && route.value.room === room.id
  if (typing) return <span class="last ellipsis writing">{t('typing.brief')}</span>
  if (draft.trim() && !open) return <span class="last ellipsis" dir="auto"><b class="draft">{t('draft')}</b> {plain(draft, 80)}</span>
  if (!last) return <span class="last ellipsis">{t('rooms.quiet')}</span>
  if (last.kind === 'notice') return <LastNotice notice={last} />
  const text = last.deleted ? t('message.deleted') : plain(last.text, 100)
  const who = last.by === me.id ? t('you.said') : author?.split(' ')[0]
  return <span class="last ellipsis" dir="auto">{last.state === 'failed' && <b class="failed">{t('message.failed.brief')} </b>}{who && <bdi>{who}: </bdi>}{text}</span>
}

function LastNotice({ notice }: { notice: Notice }) {
  return <span class="last ellipsis">{useNotice(notice)}</span>
}
