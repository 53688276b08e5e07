import { useEffect, useRef, useState } from 'preact/hooks'
import { dialog } from '../app/overlay'
import { go } from '../app/route'
import { chat } from '../app/session'
import { explain, report } from '../app/toast'
import { useWatch } from '../app/watch'
import { Avatar } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { t } from '../i18n'

interface Channel { id: string; name: string; topic: string; member_count: number }

/** Browse lists the channels that anybody may join. */
export function Browse() {
  const { rooms } = chat()
  const mine = useWatch(rooms, () => rooms.all)
  const [query, setQuery] = useState('')
  const [list, setList] = useState<{ channels: readonly Channel[]; next?: string } | null>(null)
  const [error, setError] = useState('')
  const [joining, setJoining] = useState('')
  const turn = useRef(0)
  const ask = async (cursor?: string) => {
    const now = ++turn.current
    setError('')
    try {
      const page = await chat().api.listRooms({ scope: 'public', query: query.trim(), ...(cursor && { cursor }) })
      if (now !== turn.current) return
      setList(before => ({ channels: cursor && before ? [...before.channels, ...page.rooms ?? []] : page.rooms ?? [], ...(page.next_cursor && { next: page.next_cursor }) }))
    } catch (failure) {
      if (now === turn.current) setError(explain(failure))
    }
  }
  useEffect(() => {
    const wait = setTimeout(() => void ask(), query ? 200 : 0)
    return () => clearTimeout(wait)
  }, [query])
  const join = async (id: string) => {
    setJoining(id)
    try {
      await chat().joinRoom(id)
      go({ page: 'room', room: id })
    } catch (failure) {
      report(failure)
    }
    setJoining('')
  }
  const inside = new Set(mine.map(room => room.id))
  return (
    <main id="main" class="page">
      <header class="room-header">
        <button type="button" class="icon-button back" aria-label={t('back')} onClick={() => go({ page: 'home' })}><Icon name="back" /></button>
        <div class="grow titles"><h1>{t('browse.title')}</h1><p class="small soft ellipsis">{t('browse.text')}</p></div>
        <button type="button" class="button main slim" onClick={() => { dialog.value = 'new-room' }}><Icon name="plus" size={16} />{t('new.channel')}</button>
      </header>
      <div class="scroll column">
        <label class="search-field"><span class="sr-only">{t('browse.filter')}</span><Icon name="search" size={18} /><input class="input" type="search" placeholder={t('browse.filter')} value={query} onInput={e => setQuery(e.currentTarget.value)} /></label>
        {error ? <div class="empty"><Icon name="alert" size={32} /><p role="alert">{error}</p><button type="button" class="button" onClick={() => void ask()}>{t('try_again')}</button></div>
          : list === null ? <div class="stack" role="status" aria-label={t('loading')}>{[1, 2, 3, 4].map(i => <span key={i} class="skeleton block" />)}</div>
          : list.channels.length === 0 ? <div class="empty"><Icon name="compass" size={36} /><h2>{query ? t('browse.none', { q: query }) : t('browse.empty')}</h2><p>{t('browse.empty.text')}</p></div>
          : <ul class="channels">
            {list.channels.map(channel => (
              <li key={channel.id} class="card channel">
                <Avatar id={channel.id} name={channel.name} size={40} room />
                <div class="grow"><h2 class="ellipsis" dir="auto">{channel.name}</h2><p class="small soft" dir="auto">{channel.topic ? `${channel.topic} · ` : ''}{t('members.count', { count: channel.member_count })}</p></div>
                {inside.has(channel.id)
                  ? <button type="button" class="button slim" aria-label={t('browse.open.name', { name: channel.name })} onClick={() => go({ page: 'room', room: channel.id })}>{t('open')}</button>
                  : <button type="button" class="button main slim" disabled={joining === channel.id} aria-label={t('browse.join.name', { name: channel.name })} onClick={() => void join(channel.id)}>{t('join')}</button>}
              </li>
            ))}
          </ul>}
        {list?.next && <button type="button" class="button" onClick={() => void ask(list.next)}>{t('more')}</button>}
      </div>
    </main>
  )
}
