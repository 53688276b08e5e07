import { signal } from '@preact/signals'

export type Panel = { kind: 'thread'; root: number } | { kind: 'members' } | { kind: 'details' } | { kind: 'search' }
export type SettingsTab = 'profile' | 'appearance' | 'notifications' | 'sessions' | 'account'
export type AdminTab = 'people' | 'rooms' | 'invites' | 'overview'
export type Route =
  | { page: 'home'; panel?: Panel }
  | { page: 'room'; room: string; at?: number; panel?: Panel }
  | { page: 'browse' }
  | { page: 'settings'; tab?: SettingsTab }
  | { page: 'admin'; tab?: AdminTab }
  | { page: 'signin' }
  | { page: 'signup' }
  | { page: 'invite'; code: string }

const settingsTabs: readonly string[] = ['profile', 'appearance', 'notifications', 'sessions', 'account'] satisfies SettingsTab[]
const adminTabs: readonly string[] = ['people', 'rooms', 'invites', 'overview'] satisfies AdminTab[]

/** parse reads the part of an address after `#`. What it does not know is home. */
export function parse(hash: string): Route {
  const [page, ...rest] = hash.replace(/^#?\/?/, '').split('/').map(part => { try { return decodeURIComponent(part) } catch { return '' } })
  switch (page) {
    case 'room': return rest[0] ? { page, room: rest[0], ...place(rest.slice(1)) } : { page: 'home' }
    case 'search': return { page: 'home', panel: { kind: 'search' } }
    case 'browse': case 'signin': case 'signup': return { page }
    case 'settings': return { page, ...(settingsTabs.includes(rest[0] ?? '') && { tab: rest[0] as SettingsTab }) }
    case 'admin': return { page, ...(adminTabs.includes(rest[0] ?? '') && { tab: rest[0] as AdminTab }) }
    case 'invite': return rest[0] ? { page, code: rest[0] } : { page: 'signup' }
    default: return { page: 'home' }
  }
}

function place(parts: string[]): { at?: number; panel?: Panel } {
  const found: { at?: number; panel?: Panel } = {}
  for (let i = 0; i < parts.length; i++) {
    const name = parts[i]
    if (name === 'members' || name === 'details' || name === 'search') found.panel = { kind: name }
    else if (name === 'at' || name === 'thread') {
      const seq = Number(parts[++i])
      if (!Number.isSafeInteger(seq) || seq < 1) continue
      if (name === 'at') found.at = seq
      else found.panel = { kind: 'thread', root: seq }
    }
  }
  return found
}

/** href is the address of a route, as links bear it. */
export function href(to: Route): string {
  switch (to.page) {
    case 'home': return to.panel ? '#/search' : '#/'
    case 'room': return `#/room/${encodeURIComponent(to.room)}${to.at ? `/at/${to.at}` : ''}${to.panel ? panelPath(to.panel) : ''}`
    case 'invite': return `#/invite/${encodeURIComponent(to.code)}`
    case 'settings': case 'admin': return `#/${to.page}${to.tab ? `/${to.tab}` : ''}`
    default: return `#/${to.page}`
  }
}
const panelPath = (panel: Panel) => panel.kind === 'thread' ? `/thread/${panel.root}` : `/${panel.kind}`

export const route = signal<Route>(parse(globalThis.location?.hash ?? ''))
globalThis.addEventListener?.('hashchange', () => { route.value = parse(location.hash) })

/**
 * go shows a route; with `replace`, the way back leads past where one is now. That is how the app leads on by itself, so it does not when
 * somebody has just gone elsewhere: the address says so before its event comes.
 */
export function go(to: Route, { replace = false } = {}): void {
  if (href(to) === location.hash) route.value = parse(location.hash) // the same place again, so that it is shown again
  else if (!replace) location.hash = href(to)
  else if (href(parse(location.hash)) === href(route.value)) { history.replaceState(null, '', href(to)); route.value = to }
}

/** openPanel and closePanel change the side panel and leave what is beside it. */
export function openPanel(panel: Panel): void {
  const now = route.value
  if (now.page === 'room') go({ page: 'room', room: now.room, panel })
  else if (panel.kind === 'search') go({ page: 'home', panel })
}
export function closePanel(): void {
  const now = route.value
  if (now.page === 'room') go({ page: 'room', room: now.room })
  else if (now.page === 'home') go({ page: 'home' })
}
export function togglePanel(panel: Panel): void {
  const now = route.value
  if ((now.page === 'room' || now.page === 'home') && now.panel?.kind === panel.kind) closePanel()
  else openPanel(panel)
}
