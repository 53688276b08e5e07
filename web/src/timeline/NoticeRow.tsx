import type { Notice, Room } from '@parley/client'
import { profile } from '../app/overlay'
import { nameOf, useUser } from '../design/Avatar'
import { memo } from '../design/memo'
import { clock, moment, t, type Key } from '../i18n'

/** NoticeRow says what happened to a room or to who is in it. */
export const NoticeRow = memo<{ room: Room; notice: Notice }>(function NoticeRow({ notice }) {
  const text = useNotice(notice)
  return (
    <p class="notice">
      <button type="button" tabIndex={-1} onClick={() => { profile.value = notice.by }}>{text}</button> <time class="soft" title={moment(notice.at)}>{clock(notice.at)}</time>
    </p>
  )
})

/** useNotice is a notice in words. */
export function useNotice(notice: Notice): string {
  const { kind, body } = notice.event
  const by = useUser(notice.by)
  const user = useUser(kind === 'member' ? body?.user : undefined)
  return t(keyOf(kind, body?.op ?? '', body), { by: nameOf(by), user: nameOf(user), name: body?.name ?? '', topic: body?.topic ?? '', role: body?.role ? t(`role.${body.role}` as Key) : '' })
}

function keyOf(kind: string, op: string, body: Notice['event']['body'] | undefined): Key {
  if (kind === 'member') {
    return ({ join: 'notice.join', leave: 'notice.leave', add: 'notice.add', remove: 'notice.remove', role: 'notice.role' } as Record<string, Key>)[op] ?? 'notice.other'
  }
  if (op === 'settings') return body?.read_only ? 'notice.read_only' : 'notice.writable'
  if (op === 'topic') return body?.topic ? 'notice.topic' : 'notice.topic.none'
  return ({ create: 'notice.create', rename: 'notice.rename', archive: 'notice.archive' } as Record<string, Key>)[op] ?? 'notice.other'
}
