import { useEffect } from 'preact/hooks'
import type { Message, Room } from '@parley/client'
import { nameOf } from '../design/Avatar'
import { language, t } from '../i18n'
import { plain } from '../text/markdown'
import { concerns } from './concerns'
import { notifications } from './preferences'
import { href } from './route'
import { chat } from './session'

/** How long a message may be read elsewhere, in another tab or on another device, before it is worth a notification. */
const GRACE_MS = 1000

/** useNotifications tells of messages outside the page, by each room's own setting and once for all tabs, until they are read. */
export function useNotifications(): void {
  const client = chat()
  useEffect(() => {
    const shown = new Set<string>()
    const waiting = new Set<ReturnType<typeof setTimeout>>()
    const stop = client.on('message', ({ room, message, live }) => {
      if (!live || !concerns(room, message, client.me.id)) return
      client.users.get(message.by) // asked for now, known when it is shown
      const wait = setTimeout(() => {
        waiting.delete(wait)
        if (!allowed() || room.read >= message.seq!) return
        shown.add(room.id)
        void show(room, message)
      }, GRACE_MS)
      waiting.add(wait)
    })
    const unsubscribe = client.rooms.subscribe(() => {
      for (const id of shown) {
        if ((client.rooms.get(id)?.unread ?? 0) > 0) continue
        shown.delete(id)
        void takeBack(id)
      }
    })
    navigator.serviceWorker?.addEventListener('message', follow)
    return () => {
      stop()
      unsubscribe()
      waiting.forEach(clearTimeout)
      navigator.serviceWorker?.removeEventListener('message', follow)
    }
  }, [client])
}

/** One tab speaks for all: the one that holds the connection. */
function allowed(): boolean {
  const { state } = chat().connection
  return notifications.value === 'on' && 'Notification' in window && Notification.permission === 'granted' && state.phase === 'online' && state.leader
}

async function show(room: Room, m: Message): Promise<void> {
  const name = nameOf(chat().users.get(m.by))
  const title = room.kind === 'direct' ? name : t('notification.title', { name, room: room.name })
  const to = href({ page: 'room', room: room.id, at: m.seq! })
  const options = { body: plain(m.text, 200), tag: room.id, renotify: true, icon: '/_parley/icon-192.png', lang: language.value, data: { href: to } }
  const worker = await registration()
  if (worker) return worker.showNotification(title, options)
  new Notification(title, options).onclick = () => { focus(); location.hash = to }
}

async function takeBack(room: string): Promise<void> {
  for (const notification of await (await registration())?.getNotifications({ tag: room }) ?? []) notification.close()
}

async function registration(): Promise<ServiceWorkerRegistration | undefined> {
  const found = await navigator.serviceWorker?.getRegistration()
  return found?.active ? found : undefined
}

/** The service worker says where a notification that was clicked leads. */
function follow(e: MessageEvent): void {
  const { type, href: to } = e.data as { type?: string; href?: string }
  if (type === 'go' && to?.startsWith('#/')) location.hash = to
}
