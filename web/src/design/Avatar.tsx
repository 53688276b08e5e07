import type { User } from '@parley/client'
import { useWatch } from '../app/watch'
import { chat } from '../app/session'
import { t } from '../i18n'

/** hue is a colour that stays the same for an id. */
export function hue(id: string): number {
  let sum = 7
  for (let i = 0; i < id.length; i++) sum = (sum * 31 + id.charCodeAt(i)) >>> 0
  return sum % 360
}

/** initials are one or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).map(word => word.replace(/^[^\p{L}\p{N}]+/u, '')).filter(Boolean)
  const first = [...(words[0] ?? name.trim())][0] ?? '?'
  const last = words.length > 1 ? [...words[words.length - 1]!][0]! : ''
  return (first + last).toLocaleUpperCase()
}

interface Props { id: string; name: string; size?: number; room?: boolean; presence?: boolean }

/** Avatar stands for a person or a room; the name is always said beside it, so it is hidden from screen readers. */
export function Avatar({ id, name, size = 36, room, presence }: Props) {
  return (
    <span class={`avatar${room ? ' room' : ''}`} style={{ '--hue': String(hue(id)), '--avatar': `${size / 16}rem` }} aria-hidden="true">
      {initials(name)}
      {presence && <Presence id={id} />}
    </span>
  )
}

function Presence({ id }: { id: string }) {
  const list = chat().presence
  const status = useWatch(list, () => list.get(id).status)
  return <span class={`presence ${status}`} />
}

const deleted = (user: User) => 'deleted' in user && Boolean(user.deleted)

/** nameOf is how a person is called, also before and after there is a profile. */
export const nameOf = (user: User | undefined): string => user === undefined ? '…' : deleted(user) ? t('person.deleted') : user.display_name || user.username

/** useUser is the profile of that id, once it is known. */
export function useUser(id: string | undefined): User | undefined {
  const { users } = chat()
  return useWatch(users, () => id === undefined ? undefined : users.get(id))
}

/** Handle is how a person is mentioned; it reads from left to right in every language. */
export const Handle = ({ of: user }: { of: Pick<User, 'username'> }) => <bdi dir="ltr">@{user.username}</bdi>

export function Name({ id }: { id: string }) {
  return <bdi>{nameOf(useUser(id))}</bdi>
}
