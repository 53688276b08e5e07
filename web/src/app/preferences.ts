import { effect, signal, type Signal } from '@preact/signals'
import { load, preferred, type Language } from '../i18n'

export type Availability = 'online' | 'away' | 'busy' | 'offline'
export type Theme = 'system' | 'light' | 'dark'

/** What this browser remembers about how the app should be; it is nobody else's business, so the server does not know it. */
function remembered<T extends string>(name: string, values: readonly T[], otherwise: T): Signal<T> {
  const key = `parley.app.${name}`
  const kept = localStorage.getItem(key) as T | null
  const value = signal(kept !== null && values.includes(kept) ? kept : otherwise)
  effect(() => localStorage.setItem(key, value.value))
  addEventListener('storage', e => { if (e.key === key && e.newValue !== null && values.includes(e.newValue as T)) value.value = e.newValue as T })
  return value
}

export const theme = remembered<Theme>('theme', ['system', 'light', 'dark'], 'system')
export const tongue = remembered<'auto' | Language>('language', ['auto', 'en', 'de'], 'auto')
export const notifications = remembered<'on' | 'off'>('notifications', ['on', 'off'], 'off')
/** How one wants to be seen; the server forgets it with the connection. */
export const availability = remembered<Availability>('availability', ['online', 'away', 'busy', 'offline'], 'online')
export const enterSends = remembered<'on' | 'off'>('enter-sends', ['on', 'off'], 'on')

/** apply keeps the document as the preferences say; it resolves when the texts are there. */
export function apply(): Promise<void> {
  effect(() => {
    if (theme.value === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme.value
  })
  const first = load(tongue.value === 'auto' ? preferred() : tongue.value)
  let started = false
  effect(() => {
    const wanted = tongue.value === 'auto' ? preferred() : tongue.value
    if (started) void load(wanted)
    started = true
  })
  return first.catch(() => {}) // offline without these texts: English
}
