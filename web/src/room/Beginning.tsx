import type { Room } from '@parley/client'
import { openPanel } from '../app/route'
import { chat } from '../app/session'
import { useWatch } from '../app/watch'
import { Avatar } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { t } from '../i18n'
import { focusComposer } from './compose'

/** Beginning stands above the first message of a room and says what the room is for. */
export function Beginning({ room }: { room: Room }) {
  const name = useWatch(room, () => room.name)
  const topic = useWatch(room, () => room.topic)
  const self = room.kind === 'direct' && (!room.peer || room.peer.id === chat().me.id)
  const text = self ? t('beginning.self') : t(`beginning.${room.kind}`, { name })
  const mayAdd = room.kind !== 'direct' && !room.archived
  return (
    <div class="beginning">
      <Avatar id={room.peer?.id ?? room.id} name={name} size={56} room={room.kind !== 'direct'} />
      <h2 dir="auto">{name}</h2>
      <p class="soft" dir="auto">{topic || text}</p>
      <div class="actions">
        {!room.archived && <button type="button" class="button slim" onClick={() => focusComposer(room.id)}><Icon name="edit" size={16} />{t('beginning.write')}</button>}
        {mayAdd && <button type="button" class="button slim" onClick={() => openPanel({ kind: 'members' })}><Icon name="people" size={16} />{t('beginning.add')}</button>}
      </div>
    </div>
  )
}
