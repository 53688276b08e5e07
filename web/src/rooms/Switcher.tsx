import { useEffect, useId, useState } from 'preact/hooks'
import type { Room, User } from '@parley/client'
import { dialog } from '../app/overlay'
import { go } from '../app/route'
import { chat } from '../app/session'
import { Avatar, nameOf } from '../design/Avatar'
import { Dialog } from '../design/Dialog'
import { Icon, type IconName } from '../design/Icon'
import { t } from '../i18n'
import { direct } from './NewRoom'
import { rank } from './rank'

interface Choice { key: string; title: string; hint: string; run: () => void; avatar?: { id: string; room: boolean }; icon?: IconName; unread?: number }

/** Switcher goes anywhere by a few letters: to a conversation, a person, or a page. */
export function Switcher() {
  const id = useId()
  const [query, setQuery] = useState('')
  const [people, setPeople] = useState<readonly User[]>([])
  const [at, setAt] = useState(0)
  const close = () => { dialog.value = null }
  const { rooms, users, me } = chat()
  useEffect(() => {
    setAt(0)
    if (query.trim().length < 2) return setPeople([])
    let wanted = true
    users.find(query.trim().replace(/^@/, '')).then(found => { if (wanted) setPeople(found) }, () => {})
    return () => { wanted = false }
  }, [query])
  const inRooms = rank(query, rooms.all.filter(room => !room.archived || query), (room: Room) => [room.name, room.peer?.username ?? '', room.handle ?? '']).slice(0, 12).map((room): Choice => ({
    key: room.id, title: room.name, hint: t(`room.kind.${room.kind}`), avatar: { id: room.peer?.id ?? room.id, room: room.kind !== 'direct' }, unread: room.unread, run: () => go({ page: 'room', room: room.id }),
  }))
  const talked = new Set(rooms.all.map(room => room.peer?.id))
  const others = people.filter(user => user.id !== me.id && !talked.has(user.id)).slice(0, 6).map((user): Choice => ({
    key: user.id, title: nameOf(user), hint: `@${user.username}`, avatar: { id: user.id, room: false }, run: () => void direct(user.id),
  }))
  const pages: Choice[] = query ? rank(query, [
    { key: 'browse', title: t('browse.title'), icon: 'compass' as const, run: () => go({ page: 'browse' }) },
    { key: 'settings', title: t('settings'), icon: 'gear' as const, run: () => go({ page: 'settings' }) },
    { key: 'shortcuts', title: t('shortcuts'), icon: 'keyboard' as const, run: () => { dialog.value = 'shortcuts' } },
    ...(me.role === 'owner' || me.role === 'admin' ? [{ key: 'admin', title: t('admin'), icon: 'shield' as const, run: () => go({ page: 'admin' }) }] : []),
  ], page => [page.title]).map(page => ({ ...page, hint: t('switcher.page') })) : []
  const choices = [...inRooms, ...others, ...pages]
  const choose = (choice: Choice) => { close(); choice.run() }
  const onKeyDown = (e: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[e.key]
    const choice = choices[at]
    if (by && choices.length > 0) setAt((at + by + choices.length) % choices.length)
    else if (e.key === 'Enter' && choice) choose(choice)
    else return
    e.preventDefault()
  }
  return (
    <Dialog title={t('switcher.title')} onClose={close} class="switcher">
      <label class="search-field"><span class="sr-only">{t('switcher.label')}</span><Icon name="search" size={18} />
        <input class="input" type="text" role="combobox" autofocus aria-expanded="true" aria-controls={id} aria-activedescendant={choices[at] ? `${id}-${at}` : undefined} autocomplete="off" spellcheck={false} placeholder={t('switcher.label')} value={query} onInput={e => setQuery(e.currentTarget.value)} onKeyDown={onKeyDown} />
      </label>
      <ul class="list" role="listbox" id={id} aria-label={t('switcher.title')}>
        {choices.map((choice, i) => (
          <li key={choice.key} id={`${id}-${i}`} role="option" aria-selected={i === at} ref={element => { if (i === at) element?.scrollIntoView({ block: 'nearest' }) }} onClick={() => choose(choice)}>
            <div class="row">
              {choice.avatar ? <Avatar id={choice.avatar.id} name={choice.title} size={28} room={choice.avatar.room} /> : choice.icon && <Icon name={choice.icon} />}
              <span class="grow ellipsis" dir="auto">{choice.title}</span>
              {choice.unread ? <span class="badge">{choice.unread}</span> : null}
              <span class="small soft">{choice.hint}</span>
            </div>
          </li>
        ))}
      </ul>
      {choices.length === 0 && <p class="soft">{t('switcher.none', { q: query })}</p>}
    </Dialog>
  )
}
