import { useMemo } from 'preact/hooks'
import type { Room } from '@parley/client'
import { Composer } from '../room/Composer'
import { t } from '../i18n'
import { TimelineView } from '../timeline/TimelineView'
import { Frame } from './Frame'

/** ThreadPanel is the answers to one message, beside the room they are in. */
export function ThreadPanel({ room, root }: { room: Room; root: number }) {
  const timeline = useMemo(() => room.thread(root), [room, root])
  return (
    <Frame title={t('thread')} subtitle={room.name} focus={false} class="thread">
      <TimelineView room={room} timeline={timeline} thread={root} label={t('thread')} beginning={null} />
      <Composer room={room} timeline={timeline} thread={root} />
    </Frame>
  )
}
