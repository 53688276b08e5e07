import type { Room } from '@parley/client'
import { chat } from '../app/session'
import { useWatch } from '../app/watch'
import { nameOf } from '../design/Avatar'
import { list, t } from '../i18n'

/** Typing names who is writing just now. */
export function Typing({ room }: { room: Room }) {
  const { users } = chat()
  const ids = useWatch(room, () => room.typing)
  const names = useWatch(users, () => ids.length > 3 ? '' : list(ids.map(id => nameOf(users.get(id)))))
  const text = ids.length === 0 ? '' : ids.length > 3 ? t('typing.many') : t('typing', { names, count: ids.length })
  return <p class="typing soft" role="status">{text && <><span class="dots" aria-hidden="true"><i /><i /><i /></span>{text}</>}</p>
}
