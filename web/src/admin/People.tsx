import { useState } from 'preact/hooks'
import type { User } from '@parley/client'
import { confirm, openMenu, profile, type MenuItem } from '../app/overlay'
import { useMe } from '../app/me'
import { chat } from '../app/session'
import { report } from '../app/toast'
import { Avatar, Handle, nameOf } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { t } from '../i18n'
import { Filter, List } from './List'
import { usePaged } from './paged'

type Edit = { role?: 'owner' | 'admin' | 'member' | 'guest'; banned?: boolean }

/** People is everybody with an account: their role, and whether they may come in. */
export function People() {
  const me = useMe()
  const [query, setQuery] = useState('')
  const page = usePaged<User>(async (q, cursor) => {
    const found = await chat().api.adminListUsers({ query: q.trim(), ...(cursor && { cursor }) })
    return { items: found.users ?? [], next: found.next_cursor }
  }, query)
  const edit = async (user: User, change: Edit) => {
    try {
      const changed = await chat().api.adminEditUser({ user: user.id, ...change })
      page.change(now => now.map(other => other.id === user.id ? changed : other))
    } catch (error) {
      report(error)
    }
  }
  const ban = async (user: User) => {
    if (user.banned || await confirm({ title: t('admin.ban.title', { name: nameOf(user) }), text: t('admin.ban.text'), action: t('admin.ban'), danger: true })) await edit(user, { banned: !user.banned })
  }
  const items = (user: User): MenuItem[] => [
    ...(['owner', 'admin', 'member', 'guest'] as const).filter(role => role !== 'owner' || me.role === 'owner').map(role => ({ label: t(`org.${role}`), checked: user.role === role, run: () => void edit(user, { role }) })),
    { label: t(user.banned ? 'admin.unban' : 'admin.ban'), icon: 'lock', danger: !user.banned, apart: true, run: () => void ban(user) },
  ]
  return (
    <>
      <Filter label={t('people.find')} value={query} onChange={setQuery} />
      <List page={page} label={t('admin.people')} empty={t('people.none', { q: query })} render={user => (
        <li key={user.id} class="member">
          <button type="button" onClick={() => { profile.value = user.id }}>
            <Avatar id={user.id} name={nameOf(user)} />
            <span class="grow"><span class="ellipsis"><bdi>{nameOf(user)}</bdi></span><span class="small soft ellipsis"><Handle of={user} /></span></span>
            {user.banned && <span class="tag banned">{t('admin.banned')}</span>}
            {user.role !== 'member' && <span class="tag">{t(`org.${user.role}`)}</span>}
          </button>
          {user.id !== me.id && !user.deleted && <button type="button" class="icon-button" aria-haspopup="menu" aria-label={t('members.actions', { name: nameOf(user) })} onClick={e => openMenu(t('members.actions', { name: nameOf(user) }), e.currentTarget, items(user))}><Icon name="more" /></button>}
        </li>
      )} />
    </>
  )
}
