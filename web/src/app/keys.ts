import { useEffect } from 'preact/hooks'
import { focusComposer } from '../room/compose'
import { dialog, menu, picker, profile, question } from './overlay'
import { go, openPanel, route, togglePanel } from './route'
import { chat } from './session'

const writing = (element: EventTarget | null) => element instanceof HTMLElement && (element.isContentEditable || element.matches('input:not([type="checkbox"], [type="radio"]), textarea, select'))
const overlaid = () => dialog.value || menu.value || picker.value || profile.value || question.value || document.querySelector('dialog[open]')

/** useShortcuts listens for the keys that work everywhere. */
export function useShortcuts(): void {
  useEffect(() => {
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}

function onKey(e: KeyboardEvent): void {
  if (e.defaultPrevented || e.isComposing) return
  const action = chord(e) ?? (!writing(e.target) && !overlaid() && !e.ctrlKey && !e.metaKey && !e.altKey ? letter(e) : undefined)
  if (!action) return
  e.preventDefault()
  action()
}

function chord(e: KeyboardEvent): (() => void) | undefined {
  const mod = e.ctrlKey || e.metaKey
  if (mod && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'k') return () => { dialog.value = dialog.value === 'switcher' ? null : 'switcher' }
  if (mod && !e.altKey && !e.shiftKey && e.key.toLowerCase() === 'f' && !overlaid() && (route.value.page === 'room' || route.value.page === 'home')) return () => openPanel({ kind: 'search' })
  if (mod && !e.altKey && e.key === '/') return () => { dialog.value = 'shortcuts' }
  if (overlaid()) return undefined
  if (e.altKey && !mod && (e.key === 'ArrowDown' || e.key === 'ArrowUp')) return () => step(e.key === 'ArrowDown' ? 1 : -1, e.shiftKey)
  return undefined
}

function letter(e: KeyboardEvent): (() => void) | undefined {
  const now = route.value
  switch (e.key) {
    case '?': return () => { dialog.value = 'shortcuts' }
    case '/': return () => openPanel({ kind: 'search' })
    case 'n': return () => { dialog.value = 'new-room' }
    case 'b': return () => go({ page: 'browse' })
    case 'c': return now.page === 'room' ? () => focusComposer(now.room, now.panel?.kind === 'thread' ? now.panel.root : undefined) : undefined
    case 'm': return now.page === 'room' ? () => togglePanel({ kind: 'members' }) : undefined
    case 'i': return now.page === 'room' ? () => togglePanel({ kind: 'details' }) : undefined
    case 'u': return () => step(1, true)
    case ',': return () => go({ page: 'settings' })
    case 'Escape': return now.page === 'room' ? () => focusComposer(now.room) : undefined
    default: return undefined
  }
}

/** step goes to the next conversation in the list, or to the next with something unread. */
function step(by: 1 | -1, unread: boolean): void {
  const shown = chat().rooms.all.filter(room => !room.archived)
  const all = [...shown.filter(room => room.favourite), ...shown.filter(room => !room.favourite)]
  const now = route.value
  const at = now.page === 'room' ? all.findIndex(room => room.id === now.room) : -1
  for (let i = 1; i <= all.length; i++) {
    const room = all[(at + by * i + all.length * 2) % all.length]!
    if (!unread || (room.unread > 0 && !room.muted)) return go({ page: 'room', room: room.id })
  }
}
