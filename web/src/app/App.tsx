import { useEffect } from 'preact/hooks'
import { Confirmation } from '../design/Dialog'
import { MenuHost } from '../design/Menu'
import { Toasts } from '../design/Toasts'
import { Entry } from '../entry/Entry'
import { t } from '../i18n'
import { Panel } from '../panel/Panel'
import { Nothing, RoomPage } from '../room/RoomPage'
import { Browse } from '../rooms/Browse'
import { NewRoom } from '../rooms/NewRoom'
import { ProfileHost } from '../rooms/Profile'
import { Sidebar } from '../rooms/Sidebar'
import { Switcher } from '../rooms/Switcher'
import { DayHost } from '../timeline/DayDialog'
import { ReadersHost } from '../timeline/Readers'
import { ConnectionBanner } from './ConnectionBanner'
import { useUpdates } from '../offline/register'
import { useShortcuts } from './keys'
import { lazy } from './lazy'
import { useNotifications } from './notify'
import { dialog, picker } from './overlay'
import { go, route } from './route'
import { chat, client, newcomer } from './session'
import { useTitle } from './title'
import { useWatch } from './watch'

const Settings = lazy(() => import('../settings/Settings').then(found => found.Settings))
const Admin = lazy(() => import('../admin/Admin').then(found => found.Admin))
const EmojiPicker = lazy(() => import('../emoji/EmojiPicker').then(found => found.EmojiPicker))
const Shortcuts = lazy(() => import('./Shortcuts').then(found => found.Shortcuts))

/** App is the whole page: the way in, or the chat. */
export function App() {
  return (
    <>
      {client.value === undefined ? null : client.value === null ? <Entry /> : <Chat key={client.value.me.id} />}
      <Confirmation />
      <MenuHost />
      <Toasts />
    </>
  )
}

function Chat() {
  const now = route.value
  useShortcuts()
  useTitle()
  useNotifications()
  useUpdates()
  useLanding()
  const panel = now.page === 'room' || now.page === 'home' ? now.panel : undefined
  return (
    <div class={`chat at-${now.page}${panel ? ' with-panel' : ''}`}>
      <a class="skip" href="#main" onClick={e => { e.preventDefault(); document.querySelector<HTMLElement>('main')?.querySelector<HTMLElement>('textarea, input, button')?.focus() }}>{t('skip')}</a>
      <ConnectionBanner />
      <Sidebar />
      <Page />
      {panel && <Panel which={panel} room={now.page === 'room' ? now.room : undefined} />}
      {picker.value && <EmojiPicker {...picker.value} />}
      {dialog.value === 'new-room' && <NewRoom />}
      {dialog.value === 'switcher' && <Switcher />}
      {dialog.value === 'shortcuts' && <Shortcuts />}
      <ProfileHost />
      <ReadersHost />
      <DayHost />
    </div>
  )
}

function Page() {
  const now = route.value
  switch (now.page) {
    case 'room': return <RoomPage at={now} />
    case 'browse': return <Browse />
    case 'settings': return <Settings {...(now.tab && { tab: now.tab })} />
    case 'admin': return <Admin {...(now.tab && { tab: now.tab })} />
    default: return <Nothing />
  }
}

/** useLanding shows a conversation to somebody who has not chosen one: the last one that was open, or the busiest. On a phone the list is that. */
function useLanding(): void {
  const { rooms } = chat()
  const first = useWatch(rooms, () => rooms.loaded ? rooms.all.find(room => !room.archived)?.id : undefined)
  const { page } = route.value
  useEffect(() => {
    if (page === 'signin' || page === 'signup' || page === 'invite') go({ page: 'home' }, { replace: true })
    if (page !== 'home' || route.value.page !== 'home' || route.value.panel || !first) return
    if (!newcomer.value && matchMedia('(max-width: 46rem)').matches) return
    const last = localStorage.getItem('parley.app.room')
    go({ page: 'room', room: last && rooms.get(last) ? last : first }, { replace: true })
  }, [page, first])
}
