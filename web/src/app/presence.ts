import { useEffect } from 'preact/hooks'
import { useUser } from '../design/Avatar'
import { chat } from './session'
import { useWatch } from './watch'

/** The server tells of at most this many people. */
const MOST = 1000
const watched = new Map<object, readonly string[]>()
let queued = false

/** useWatchPresence asks to be told whether people are here, for as long as what shows them is shown. */
export function useWatchPresence(ids: readonly string[]): void {
  const key = ids.join(' ')
  useEffect(() => {
    const mine = {}
    watched.set(mine, ids)
    tell()
    return () => { watched.delete(mine); tell() }
  }, [key])
}

/** useStatusText is what somebody says of themselves: for now, or else in their profile. */
export function useStatusText(id: string | undefined): string {
  const user = useUser(id)
  const { presence } = chat()
  return useWatch(presence, () => id === undefined ? '' : presence.get(id).status_text ?? '') || (user?.deleted ? '' : user?.status_text ?? '')
}

function tell(): void {
  if (queued) return
  queued = true
  queueMicrotask(() => {
    queued = false
    try { chat().watchPresence([...new Set([...watched.values()].flat())].slice(0, MOST)) } catch { /* signed out since */ }
  })
}
