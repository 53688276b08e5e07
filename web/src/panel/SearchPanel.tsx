import { signal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Message, Room } from '@parley/client'
import { go } from '../app/route'
import { chat } from '../app/session'
import { explain } from '../app/toast'
import { Avatar, Name, nameOf, useUser } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { t, when } from '../i18n'
import { excerpt, type Excerpt } from './excerpt'
import { Frame } from './Frame'

interface Hit { message: Message; room: { id: string; name: string }; highlights: readonly (readonly [number, number])[] }
interface Found { hits: readonly Hit[]; next?: string; q: string }

/** What was searched stays when one follows a result and comes back. */
const query = signal('')
const onlyHere = signal(false)

/** SearchPanel finds messages in all of one's rooms, or in the one that is open. */
export function SearchPanel({ room }: { room: Room | undefined }) {
  const field = useRef<HTMLInputElement>(null)
  const [found, setFound] = useState<Found | null>(null)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const q = query.value.trim()
  const within = onlyHere.value && room ? room.id : undefined
  const turn = useRef(0)

  const ask = async (cursor?: string) => {
    const mine = ++turn.current
    setBusy(true)
    setError('')
    try {
      const page = await chat().search(q, { ...(within && { room: within }), ...(cursor && { cursor }) })
      if (mine !== turn.current) return
      setFound(now => ({ q, hits: cursor && now ? [...now.hits, ...page.results] : page.results, ...(page.next_cursor && { next: page.next_cursor }) }))
    } catch (failure) {
      if (mine === turn.current) setError(explain(failure))
    }
    if (mine === turn.current) setBusy(false)
  }
  useLayoutEffect(() => { field.current?.focus(); field.current?.select() }, [])
  useEffect(() => {
    if (q.length < 2) { turn.current++; setFound(null); setBusy(false); return }
    const wait = setTimeout(() => void ask(), 250)
    return () => clearTimeout(wait)
  }, [q, within])

  return (
    <Frame title={t('search')} focus={false} class="search">
      <form role="search" class="search-form" onSubmit={e => { e.preventDefault(); if (q) void ask() }}>
        <label class="search-field"><span class="sr-only">{t('search.label')}</span><Icon name="search" size={18} /><input ref={field} class="input" type="search" placeholder={t('search.placeholder')} value={query.value} dir="auto" onInput={e => { query.value = e.currentTarget.value }} /></label>
        {room && <label class="check small"><input type="checkbox" checked={onlyHere.value} onChange={e => { onlyHere.value = e.currentTarget.checked }} /><span class="ellipsis">{t('search.here', { name: room.name })}</span></label>}
      </form>
      <div class="scroll" aria-busy={busy}>
        {error ? <div class="empty"><Icon name="alert" size={28} /><p role="alert">{error}</p><button type="button" class="button" onClick={() => void ask()}>{t('try_again')}</button></div>
          : found === null ? <div class="empty"><Icon name="search" size={32} /><p>{busy ? t('search.busy') : t('search.hint')}</p></div>
          : found.hits.length === 0 ? <div class="empty"><Icon name="search" size={32} /><h3>{t('search.none', { q: found.q })}</h3><p>{t('search.none.text')}</p></div>
          : <>
            <ul class="hits" aria-label={t('search.results')}>{found.hits.map(hit => <li key={`${hit.room.id} ${hit.message.seq}`}><Result hit={hit} /></li>)}</ul>
            {found.next && <button type="button" class="button more" disabled={busy} onClick={() => void ask(found.next)}>{t('search.more')}</button>}
          </>}
        <p class="sr-only" role="status">{found && !busy ? t('search.count', { count: found.hits.length }) : ''}</p>
      </div>
    </Frame>
  )
}

function Result({ hit: { message, room, highlights } }: { hit: Hit }) {
  const author = useUser(message.by)
  const parts: Excerpt[] = excerpt(message.text, highlights)
  return (
    <button type="button" class="hit" onClick={() => go({ page: 'room', room: room.id, at: message.seq!, ...(matchMedia('(min-width: 64rem)').matches && { panel: { kind: 'search' } }) })}>
      <span class="where small soft"><bdi class="ellipsis">{room.name}</bdi><time>{when(message.at)}</time></span>
      <span class="who"><Avatar id={message.by} name={nameOf(author)} size={22} /><b class="ellipsis"><Name id={message.by} /></b></span>
      <span class="what" dir="auto">{parts.map(part => part.hit ? <mark>{part.text}</mark> : part.text)}</span>
    </button>
  )
}
