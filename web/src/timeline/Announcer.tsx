import { useEffect, useRef, useState } from 'preact/hooks'
import type { Timeline } from '@parley/client'
import { chat } from '../app/session'
import { useWatch } from '../app/watch'
import { nameOf } from '../design/Avatar'
import { plain } from '../text/markdown'

/** Announcer says new messages of others to a screen reader, and only those that came while the room is open. */
export function Announcer({ timeline }: { timeline: Timeline }) {
  const newest = useWatch(timeline, () => timeline.items.at(-1))
  const since = useRef(Date.now())
  const [said, say] = useState('')
  useEffect(() => {
    if (newest?.kind !== 'message' || newest.deleted || newest.by === chat().me.id || newest.at < since.current) return
    since.current = newest.at
    say(`${nameOf(chat().users.get(newest.by))}: ${plain(newest.text)}`)
  }, [newest?.key])
  return <div class="sr-only" aria-live="polite">{said}</div>
}
