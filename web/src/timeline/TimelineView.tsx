import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import type { ComponentChildren } from 'preact'
import type { Room, Timeline } from '@parley/client'
import { question } from '../app/overlay'
import { useWatchPresence } from '../app/presence'
import { chat, newcomer } from '../app/session'
import { explain, report } from '../app/toast'
import { useWatch } from '../app/watch'
import { Icon } from '../design/Icon'
import { day, t } from '../i18n'
import { composerKey, whenSent } from '../room/compose'
import { edit, mayEdit, openThread, pickReaction, remove, reply } from './actions'
import { MessageRow } from './MessageRow'
import { NoticeRow } from './NoticeRow'
import { guess, moves, rowsOf, type Row } from './rows'
import { Scroller, type ScrollerHandle, type View } from './Scroller'
import { Announcer } from './Announcer'
import { pickDay } from './DayDialog'

/** Of so many of the newest items the authors' names are kept up to date. */
const NAMED = 200

interface Props { room: Room; timeline: Timeline; thread?: number; at?: number; beginning: ComponentChildren; label: string; atRoute?: unknown }

/** TimelineView shows a timeline: around a given message, from what is unread on, or at its end. */
export function TimelineView({ room, timeline, thread, at, beginning, label, atRoute }: Props) {
  const me = chat().me.id
  const items = useWatch(timeline, () => timeline.items)
  useWatchPresence(useMemo(() => [...new Set(items.slice(-NAMED).map(item => item.by))], [items])) // they may change their names
  const hasOlder = useWatch(timeline, () => timeline.hasOlder)
  const hasNewer = useWatch(timeline, () => timeline.hasNewer)
  const loadingOlder = useWatch(timeline, () => timeline.loadingOlder)
  const failure = useWatch(timeline, () => timeline.error)
  const [unreadAfter, setUnreadAfter] = useState(() => thread === undefined && room.unread > 0 ? room.read : undefined)
  const [flash, setFlash] = useState<number>()
  const [ready, setReady] = useState(false)
  const [view, setView] = useState<View>({ atEnd: true, first: 0, last: 0 })
  const looked = useRef(view)
  const wanted = useRef<{ seq: number; share: number } | undefined>(undefined)
  const scroller = useRef<ScrollerHandle>(null)
  const rows = useMemo(() => rowsOf(items, unreadAfter, me), [items, unreadAfter])
  const latest = useRef(rows)
  latest.current = rows

  /** show brings a message into view once it is among the rows. */
  function show() {
    const want = wanted.current
    if (!want) return
    const row = want.seq === Infinity ? undefined : rowOf(latest.current, want.seq, want.share === UNREAD)
    if (row && scroller.current?.reveal(row.key, want.share)) wanted.current = undefined
  }
  useLayoutEffect(show, [rows])

  /** jump answers whether what was wanted can be shown. */
  async function jump(where: number | 'newest' | 'unread' | Date): Promise<boolean> {
    try {
      const seq = await timeline.jumpTo(where)
      if (where === 'newest') scroller.current?.toEnd()
      else {
        wanted.current = { seq, share: where === 'unread' ? UNREAD : 0.35 }
        if (typeof where === 'number') setFlash(seq)
        show()
      }
      return true
    } catch (error) {
      if (where !== 'unread') report(error)
      return false
    }
  }

  /** open begins where one was sent, or where one stopped reading, or at the end; without a network, with what is kept. */
  async function open() {
    const where = at ?? (unreadAfter !== undefined ? 'unread' : timeline.hasNewer ? 'newest' : undefined)
    if (where === undefined || !await jump(where)) await timeline.load()
    setReady(true)
  }
  useEffect(() => { void open() }, [timeline, at, atRoute])
  // The day is shown while one scrolls.
  const [moving, setMoving] = useState(false)
  useEffect(() => {
    if (!ready) return
    setMoving(!view.atEnd)
    const end = setTimeout(() => setMoving(false), 1500)
    return () => clearTimeout(end)
  }, [view.first])
  useEffect(() => {
    if (flash === undefined) return
    const end = setTimeout(() => setFlash(undefined), 2500)
    return () => clearTimeout(end)
  }, [flash])

  // What is on the screen while somebody looks at it has been read.
  const newest = items.at(-1)?.seq
  useEffect(() => {
    if (!ready || thread !== undefined) return
    const mark = () => {
      if (document.visibilityState !== 'visible' || !document.hasFocus()) return
      const { atEnd, last } = looked.current
      const row = latest.current[Math.min(last, latest.current.length - 1)]
      const seq = atEnd ? undefined : row && seqOf(row)
      if (atEnd && !hasNewer) room.markRead()
      else if (seq) room.markRead(seq)
    }
    mark()
    addEventListener('focus', mark)
    document.addEventListener('visibilitychange', mark)
    return () => { removeEventListener('focus', mark); document.removeEventListener('visibilitychange', mark) }
  }, [room, view, newest, ready, hasNewer])

  // Who writes sees the end, and has seen what was new.
  useEffect(() => whenSent(composerKey(room.id, thread), () => {
    setUnreadAfter(undefined)
    if (timeline.hasNewer) void jump('newest')
    else scroller.current?.toEnd()
  }), [room, timeline])
  useEffect(() => () => timeline.trim(KEPT), [timeline])
  useEffect(() => { if (view.atEnd && items.length > MOST) timeline.trim(MOST / 2) }, [view.atEnd, items]) // who reads further up keeps what is there
  useEffect(() => { if (items.length > 0) newcomer.value = false }, [items.length > 0])

  const onKeyDown = (e: KeyboardEvent) => keys(e, { room, ...(thread !== undefined && { thread }) }, latest.current)
  const unread = useWatch(room, () => room.unread)
  const dividerAt = rows.findIndex(row => row.kind === 'unread')
  const top = rows[view.first]
  if (items.length === 0 && !ready && !failure) return <Waiting />
  return (
    <div class="timeline" onWheel={e => { if (e.target instanceof Element && e.target.closest('.pill')) scroller.current?.scrollBy(e.deltaY) }}>
      {items.length === 0 && failure && <div class="empty"><Icon name="alert" size={32} /><p>{explain(failure)}</p><button type="button" class="button" onClick={() => void timeline.load().catch(() => {})}>{t('try_again')}</button></div>}
      <Scroller<Row> handle={scroller} rows={rows} guess={guess} moves={moves} label={label} more={hasNewer} onView={next => { looked.current = next; setView(now => now.atEnd === next.atEnd && now.first === next.first && now.last === next.last ? now : next) }}
        nearStart={() => { if (hasOlder && !loadingOlder && !timeline.error) void timeline.loadOlder().catch(() => {}) }}
        nearEnd={() => { if (hasNewer && !timeline.loadingNewer && !timeline.error) void timeline.loadNewer().catch(() => {}) }}
        onKeyDown={onKeyDown}
        before={hasOlder ? <div class="older">{failure ? <button type="button" class="button slim" onClick={() => void timeline.loadOlder().catch(report)}>{t('timeline.older.again')}</button> : <span class="spinner" role="status" aria-label={t('loading')} />}</div> : ready && beginning}
        render={row => {
          switch (row.kind) {
            case 'day': return <div key={row.key} class="day"><button type="button" tabIndex={-1} onClick={() => pickDay(row.at, date => void jump(date))}>{day(row.at)}</button></div>
            case 'unread': return <div key={row.key} class="divider" role="separator"><span>{t('timeline.new')}</span></div>
            case 'notice': return <NoticeRow key={row.key} room={room} notice={row.notice} />
            case 'message': return <MessageRow key={row.key} room={room} message={row.message} first={row.first} {...(thread !== undefined && { thread })} flash={flash !== undefined && row.message.seq === flash} />
          }
        }} />
      {top && top.kind !== 'day' && view.first > 0 && <div class={`floating-day${moving ? ' shown' : ''}`} aria-hidden="true">{day(atOf(rows, view.first))}</div>}
      {dividerAt >= 0 && dividerAt < view.first && unread > 0 && (
        <button type="button" class="pill top" onClick={() => scroller.current?.reveal('unread', UNREAD)}><Icon name="up" size={16} />{t('timeline.first_unread')}</button>
      )}
      {(!view.atEnd || hasNewer) && rows.length > 0 && (
        <button type="button" class="pill bottom" onClick={() => hasNewer ? void jump('newest') : scroller.current?.toEnd()} aria-label={unread > 0 && thread === undefined ? t('timeline.newest.unread', { count: unread }) : t('timeline.newest')}>
          {unread > 0 && thread === undefined && <span class="badge">{unread}</span>}<Icon name="down" size={18} />
        </button>
      )}
      <Announcer timeline={timeline} />
    </div>
  )
}

/** So many messages stay in memory when a room is left. */
const KEPT = 300
/** More than so many are not kept above the end of a room that is shown. */
const MOST = 2000
/** The divider stands this far down, so that some of what was read before is seen too. */
const UNREAD = 0.2

function rowOf(rows: readonly Row[], seq: number, divider: boolean): Row | undefined {
  if (divider) {
    const found = rows.find(row => row.kind === 'unread')
    if (found) return found
  }
  return rows.find(row => (seqOf(row) ?? 0) >= seq)
}
const seqOf = (row: Row) => row.kind === 'message' ? row.message.seq : row.kind === 'notice' ? row.notice.seq : undefined

function atOf(rows: readonly Row[], from: number): number {
  for (let i = from; i >= 0; i--) {
    const row = rows[i]
    if (row?.kind === 'day') return row.at
  }
  return Date.now()
}

function Waiting() {
  return (
    <div class="timeline waiting" role="status" aria-label={t('loading')}>
      {[60, 85, 40, 70, 55, 90, 35].map((width, i) => (
        <div key={i} class="ghost"><span class="skeleton face" /><span><span class="skeleton line short" /><span class="skeleton line" style={{ inlineSize: `${width}%` }} /></span></div>
      ))}
    </div>
  )
}

/** keys moves among messages and does with the focused one what its letter stands for. */
function keys(e: KeyboardEvent, setting: { room: Room; thread?: number }, rows: readonly Row[]): void {
  const log = e.currentTarget as HTMLElement
  const on = e.target instanceof Element ? e.target.closest<HTMLElement>('article') : null
  if (question.value || e.ctrlKey || e.metaKey || e.altKey) return
  if (e.key === 'ArrowUp' || e.key === 'ArrowDown' || e.key === 'j' || e.key === 'k') {
    const back = e.key === 'ArrowUp' || e.key === 'k'
    const all = [...log.querySelectorAll<HTMLElement>('article')]
    const to = on ? all[all.indexOf(on) + (back ? -1 : 1)] : back ? all.at(-1) : all.find(article => article.getBoundingClientRect().top >= log.getBoundingClientRect().top)
    if (!to) return
    to.focus({ preventScroll: true })
    to.scrollIntoView({ block: 'nearest' })
    e.preventDefault()
    return
  }
  const row = on && e.target === on ? rows.find(candidate => candidate.key === on.dataset.key) : undefined
  if (row?.kind !== 'message') return
  const m = row.message
  const act = {
    r: () => reply(setting, m), t: () => openThread(m), e: () => { if (mayEdit(setting.room, m)) edit(setting, m) },
    '+': () => pickReaction(setting.room, m, on!), Delete: () => void remove(setting.room, m),
    Enter: () => on!.querySelector<HTMLElement>('.tools button:last-child')?.click(),
  }[e.key]
  if (!act) return
  e.preventDefault()
  act()
}
