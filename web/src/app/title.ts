import { useEffect } from 'preact/hooks'
import { route } from './route'
import { chat } from './session'
import { useWatch } from './watch'
import { t } from '../i18n'

/** useTitle keeps the window's title and icon, and the app's badge, at what is open and what is unread. */
export function useTitle(): void {
  const { rooms } = chat()
  const counts = useWatch(rooms, () => {
    let unread = 0
    let mentions = 0
    for (const room of rooms.all) {
      if (room.muted || room.archived) continue
      unread += room.unread
      mentions += room.mentions + (room.kind === 'direct' ? room.unread : 0)
    }
    return `${unread} ${mentions}`
  })
  const now = route.value
  const name = useWatch(rooms, () => now.page === 'room' ? rooms.get(now.room)?.name : undefined)
  useEffect(() => {
    const [unread = 0, mentions = 0] = counts.split(' ').map(Number)
    const place = name ?? (now.page === 'browse' ? t('browse.title') : now.page === 'settings' ? t('settings') : now.page === 'admin' ? t('admin') : '')
    const count = mentions > 0 ? `(${mentions}) ` : unread > 0 ? '• ' : ''
    document.title = `${count}${place ? `${place} – ` : ''}Parley`
    if ('setAppBadge' in navigator) void (mentions > 0 ? navigator.setAppBadge(mentions) : navigator.clearAppBadge()).catch(() => {})
    document.querySelector<HTMLLinkElement>('link[rel="icon"]')!.href = unread > 0 ? '/_parley/icon-unread.svg' : '/_parley/icon.svg'
    return () => { document.title = 'Parley' }
  }, [counts, name, now])
}
