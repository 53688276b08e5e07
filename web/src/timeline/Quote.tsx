import { useEffect, useState } from 'preact/hooks'
import type { Message, Room } from '@parley/client'
import { useWatch } from '../app/watch'
import { hue, nameOf, useUser } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { t } from '../i18n'
import { plain } from '../text/markdown'

/** Quote shows which message another one answers, or whose thread it is in, also one that is not loaded. */
export function Quote({ room, seq, thread, onOpen }: { room: Room; seq: number; thread?: boolean; onOpen: () => void }) {
  const here = useWatch(room.timeline, () => room.timeline.get(seq))
  const [fetched, setFetched] = useState<Message | null>()
  useEffect(() => {
    if (here) return
    let wanted = true
    room.timeline.fetch(seq).then(found => { if (wanted) setFetched(found ?? null) }, () => { if (wanted) setFetched(null) })
    return () => { wanted = false }
  }, [room, seq, here !== undefined])
  const m = here ?? fetched
  const author = useUser(m?.by)
  return (
    <button type="button" class="quote" style={{ '--hue': String(hue(m?.by ?? '')) }} onClick={onOpen} title={t(thread ? 'message.in_thread' : 'message.quote.open')}>
      <Icon name={thread ? 'thread' : 'reply'} size={14} />
      {m && <bdi class="who">{nameOf(author)}</bdi>}
      <span class="ellipsis" dir="auto">{m ? (m.deleted ? t('message.deleted') : plain(m.text, 160)) : m === null ? t('message.quote.gone') : '…'}</span>
    </button>
  )
}
