import type { Notice, Room } from '@parley/client'
import { profile } from '../app/overlay'
import { nameOf, useUser } from '../design/Avatar'
import { memo } from '../design/memo'
import { clock, moment, t, type Key } from '../i18n'

/** NoticeRow says what happened to a room or to who is in it. */
export const NoticeRow = memo<{ room: Room; notice: Notice }>(function NoticeRow({ notice }) {
  const by = useUser(notice.by)
  const { kind, body } = notice.event
  const user = useUser(kind === 'member' ? body?.user : undefined)
  const key = keyOf(kind, body?.op ?? '', body as Record<string, unknown> | undefined)
  const text = t(key, { by: nameOf(by), user: nameOf(user), name: body?.name ?? '', topic: body?.topic ?? '', role: body?.role ? t(`role.${body.role}` as Key) : '' })
  return (
    <p class="notice" dir="auto">
      <button type="button" tabIndex={-1} onClick={() => { profile.value = notice.by }}>{text}</button> <time class="soft" title={moment(notice.at)}>{clock(notice.at)}</time>
    </p>
  )
})

function keyOf(kind: string, op: string, body: Record<string, unknown> | undefined): Key {
  if (kind === 'member') {
    return ({ join: 'notice.join', leave: 'notice.leave', add: 'notice.add', remove: 'notice.remove', role: 'notice.role' } as Record<string, Key>)[op] ?? 'notice.other'
  }
  if (op === 'settings') return body?.read_only ? 'notice.read_only' : 'notice.writable'
  if (op === 'topic') return body?.topic ? 'notice.topic' : 'notice.topic.none'
  return ({ create: 'notice.create', rename: 'notice.rename', archive: 'notice.archive' } as Record<string, Key>)[op] ?? 'notice.other'
}
