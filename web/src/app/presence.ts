import { useEffect } from 'preact/hooks'
import { chat } from './session'

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

function tell(): void {
  if (queued) return
  queued = true
  queueMicrotask(() => {
    queued = false
    try { chat().watchPresence([...new Set([...watched.values()].flat())].slice(0, MOST)) } catch { /* signed out since */ }
  })
}
