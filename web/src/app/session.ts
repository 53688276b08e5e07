import { signal } from '@preact/signals'
import { Client, ParleyError, defaultSessions, signIn as askIn, signUp as askUp, type StoredSession } from '@parley/client'
import { t } from '../i18n'
import { availability } from './preferences'
import { go, route } from './route'

const url = location.origin
const sessions = defaultSessions()

/** client is who is signed in on this browser: undefined until that is known, null for nobody. */
export const client = signal<Client | null | undefined>(undefined)
/** farewell is why the last session ended, when it was not by one's own wish. */
export const farewell = signal('')
/** newcomer is true from signing up until the first room has been shown. */
export const newcomer = signal(false)

/** chat is the client, in places that are only shown to somebody who is signed in. */
export function chat(): Client {
  if (!client.value) throw new Error('nobody is signed in')
  return client.value
}

/** restore goes on with the session that this browser keeps. */
export async function restore(): Promise<void> {
  const kept = await sessions.load()
  if (kept) enter(kept)
  else client.value = null
}

function enter(session: StoredSession): void {
  const entered = new Client({ url, session, sessions, device: device() })
  entered.on('ended', ({ reason }) => { if (client.value === entered) void leave(reason.code === 'signed_out' ? '' : t('entry.ended')) })
  entered.connect()
  if (availability.value !== 'online') void entered.setStatus(availability.value)
  farewell.value = ''
  client.value = entered
}

export interface Newcomer { username: string; password: string; display_name?: string; invite?: string }

export async function signUp(who: Newcomer): Promise<void> {
  const session = await askUp(url, { ...who, device: device() })
  newcomer.value = true
  availability.value = 'online'
  await sessions.save(session)
  go({ page: 'home' }, { replace: true })
  enter(session)
}

export async function signIn(username: string, password: string): Promise<void> {
  const session = await askIn(url, { username, password, device: device() })
  availability.value = 'online'
  await sessions.save(session)
  const { page } = route.value
  if (page === 'signin' || page === 'signup' || page === 'invite') go({ page: 'home' }, { replace: true })
  enter(session)
}

/** signOut ends this session on the server and here; without a network it ends here, and the server lets it run out. */
export async function signOut(): Promise<void> {
  const leaving = client.value
  client.value = null
  go({ page: 'home' }, { replace: true })
  try {
    await leaving?.signOut()
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error
  }
}

async function leave(reason: string): Promise<void> {
  const leaving = client.value
  farewell.value = reason
  client.value = null
  await leaving?.close()
  await leaving?.clearSession()
}

/** device is how the list of sessions names this browser. */
export function device(agent = navigator.userAgent): string {
  const browser = /Edg\//.test(agent) ? 'Edge' : /OPR\//.test(agent) ? 'Opera' : /Firefox\//.test(agent) ? 'Firefox' : /Chrome\//.test(agent) ? 'Chrome' : /Safari\//.test(agent) ? 'Safari' : 'Browser'
  const system = /Android/.test(agent) ? 'Android' : /iPhone|iPad/.test(agent) ? 'iOS' : /Windows/.test(agent) ? 'Windows' : /Mac OS X/.test(agent) ? 'macOS' : /Linux/.test(agent) ? 'Linux' : ''
  return system ? `${browser}, ${system}` : browser
}

/** accountDeleted leaves after the account has been deleted on the server. */
export const accountDeleted = () => leave(t('entry.deleted'))
