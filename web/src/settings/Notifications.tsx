import { useState } from 'preact/hooks'
import { notifications } from '../app/preferences'
import { t } from '../i18n'

/** Notifications turns this browser's on and off; what they are about is each room's own setting. */
export function Notifications() {
  const supported = 'Notification' in window
  const [permission, setPermission] = useState(supported ? Notification.permission : 'denied')
  const on = notifications.value === 'on' && permission === 'granted'
  const turn = async (wanted: boolean) => {
    if (wanted && permission !== 'granted') setPermission(await Notification.requestPermission())
    notifications.value = wanted ? 'on' : 'off'
  }
  return (
    <div class="stack">
      <label class="check"><input type="checkbox" checked={on} disabled={!supported || (permission === 'denied')} onChange={e => void turn(e.currentTarget.checked)} /><span>{t('notifications.on')} <span class="small soft">{t('notifications.hint')}</span></span></label>
      {permission === 'denied' && <p class="notice-box">{t(supported ? 'notifications.denied' : 'notifications.unsupported')}</p>}
    </div>
  )
}
