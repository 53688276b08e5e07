import { useEffect, useState } from 'preact/hooks'
import type { Member, Room, User } from '@parley/client'
import { confirm, openMenu, profile, type MenuItem } from '../app/overlay'
import { useWatchPresence } from '../app/presence'
import { chat } from '../app/session'
import { explain, report, toast } from '../app/toast'
import { useWatch } from '../app/watch'
import { Avatar, Handle, nameOf, useUser } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { t } from '../i18n'
import { membersOf, more, refresh } from '../room/members'
import { PeoplePicker } from '../rooms/PeoplePicker'
import { Frame } from './Frame'

/** MembersPanel is who is in a room; those who run it add, remove and promote here. */
export function MembersPanel({ room }: { room: Room }) {
  const known = membersOf(room).value
  const count = useWatch(room, () => room.member_count)
  const [adding, add] = useState(false)
  const [filter, setFilter] = useState('')
  const { users, me } = chat()
  const runs = !room.archived && (room.role !== 'member' || me.role === 'owner' || me.role === 'admin')
  const mayAdd = !room.archived && (runs || room.kind === 'group')
  useEffect(() => { if (known.complete && known.members.length !== count) refresh(room) }, [count])
  useWatchPresence(known.members.slice(0, 200).map(m => m.user))
  const matching = useWatch(users, () => known.members.filter(m => {
    const user = users.get(m.user)
    return !filter || !user || `${user.username} ${user.display_name}`.toLowerCase().includes(filter.toLowerCase())
  }).map(m => m.user).join(' '))
  const ids = new Set(matching.split(' '))
  const order = { owner: 0, moderator: 1, member: 2 }
  const shown = known.members.filter(m => ids.has(m.user)).sort((a, b) => order[a.role] - order[b.role])
  return (
    <Frame title={t('members')} subtitle={t('members.count', { count })}>
      <div class="scroll body">
        {mayAdd && (adding
          ? <Add room={room} done={() => add(false)} />
          : <button type="button" class="button wide" onClick={() => add(true)}><Icon name="plus" size={18} />{t('members.add')}</button>)}
        {known.members.length > 8 && <label class="search-field"><span class="sr-only">{t('members.filter')}</span><Icon name="search" size={18} /><input class="input" type="search" placeholder={t('members.filter')} value={filter} onInput={e => setFilter(e.currentTarget.value)} /></label>}
        <ul class="list">{shown.map(m => <Person key={m.user} room={room} member={m} runs={runs} />)}</ul>
        {known.loading && <span class="spinner center" role="status" aria-label={t('loading')} />}
        {known.error !== undefined && <p role="alert">{explain(known.error)}</p>}
        {!known.complete && !known.loading && <button type="button" class="button wide" onClick={() => void more(room)}>{t('members.more')}</button>}
      </div>
    </Frame>
  )
}

function Person({ room, member, runs }: { room: Room; member: Member; runs: boolean }) {
  const user = useUser(member.user)
  const me = member.user === chat().me.id
  const items = runs && !me ? powers(room, member, user) : []
  return (
    <li class="member">
      <button type="button" onClick={() => { profile.value = member.user }}>
        <Avatar id={member.user} name={nameOf(user)} presence />
        <span class="grow"><span class="ellipsis"><bdi>{nameOf(user)}</bdi>{me && <span class="soft"> ({t('you')})</span>}</span><span class="small soft ellipsis">{user ? <Handle of={user} /> : '…'}</span></span>
        {member.role !== 'member' && <span class="tag">{t(`role.${member.role}`)}</span>}
      </button>
      {items.length > 0 && <button type="button" class="icon-button" aria-haspopup="menu" aria-label={t('members.actions', { name: nameOf(user) })} onClick={e => openMenu(t('members.actions', { name: nameOf(user) }), e.currentTarget, items)}><Icon name="more" /></button>}
    </li>
  )
}

function powers(room: Room, member: Member, user: User | undefined): MenuItem[] {
  const give = (role: Member['role']) => () => void room.setMember(member.user, role).then(() => refresh(room), report)
  const items: MenuItem[] = []
  const owns = room.role === 'owner' || chat().me.role === 'owner' || chat().me.role === 'admin'
  if (owns) for (const role of ['owner', 'moderator', 'member'] as const) items.push({ label: t(`members.make.${role}`), checked: member.role === role, run: give(role) })
  if (owns || member.role === 'member') items.push({ label: t('members.remove'), icon: 'trash', danger: true, apart: items.length > 0, run: () => void remove(room, member.user, nameOf(user)) })
  return items
}

async function remove(room: Room, user: string, name: string): Promise<void> {
  if (!await confirm({ title: t('members.remove.title', { name }), text: t('members.remove.text', { room: room.name }), action: t('members.remove'), danger: true })) return
  await room.removeMember(user).then(() => refresh(room), report)
}

function Add({ room, done }: { room: Room; done: () => void }) {
  const [chosen, choose] = useState<readonly User[]>([])
  const [busy, setBusy] = useState(false)
  const present = new Set(membersOf(room).value.members.map(m => m.user))
  const save = async () => {
    setBusy(true)
    try {
      for (const user of chosen) await room.setMember(user.id)
      toast(t('members.added', { count: chosen.length }))
      done()
    } catch (error) {
      report(error)
    }
    refresh(room)
    setBusy(false)
  }
  return (
    <form class="stack card" onSubmit={e => { e.preventDefault(); void save() }}>
      <PeoplePicker chosen={chosen} onChange={choose} without={present} />
      <div class="actions"><button type="button" class="button" onClick={done}>{t('cancel')}</button><button class="button main" disabled={busy || chosen.length === 0}>{t('members.add')}</button></div>
    </form>
  )
}
