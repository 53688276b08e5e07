import type { ComponentChildren } from 'preact'
import { useEffect, useImperativeHandle, useLayoutEffect, useReducer, useRef } from 'preact/hooks'
import type { Ref } from 'preact'
import { Layout } from './layout'

/** How far beyond the window rows are kept in the page, and how near to their edge one may come before more are made. */
const SPARE = 900
const LEAST_SPARE = 300
/** Nearer to the end than this counts as being at the end. */
const AT_END = 24

/** Where the view is held when rows change around it: a row at a distance from the window's top, or the end. */
type Anchor = { key: string; offset: number } | 'end'

export interface ScrollerHandle {
  /** reveal shows a row, at a share of the window's height, and keeps it there while rows around it find their heights. */
  reveal(key: string, share?: number): boolean
  toEnd(): void
  scrollBy(pixels: number): void
}

export interface View { atEnd: boolean; first: number; last: number }

interface Props<R extends { key: string }> {
  rows: readonly R[]
  render: (row: R, index: number) => ComponentChildren
  guess: (row: R, width: number) => number
  /** rows that do not keep their place among the others, and so cannot hold the view */
  moves: (row: R) => boolean
  label: string
  nearStart?: () => void
  nearEnd?: () => void
  onView?: (view: View) => void
  handle?: Ref<ScrollerHandle>
  /** more: rows follow that are not here yet, so the last one is no end to stay at */
  more?: boolean
  before?: ComponentChildren
  class?: string
  onKeyDown?: (e: KeyboardEvent) => void
}

/**
 * Scroller shows the part of a long list that is in the window. What one reads stays where it is when rows are added before it, grow or
 * shrink; at the end, new rows are followed.
 */
export function Scroller<R extends { key: string }>({ rows, render, guess, moves, label, nearStart, nearEnd, onView, handle, more = false, before, class: extra = '', onKeyDown }: Props<R>) {
  const [, again] = useReducer<number, void>(n => n + 1, 0)
  const box = useRef<HTMLDivElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const head = useRef<HTMLDivElement>(null)
  const layout = useRef(new Layout()).current
  const anchor = useRef<Anchor>('end')
  /** the rows that should be in the page, and those that are since the last render */
  const shown = useRef<[number, number]>([0, 0])
  const made = useRef<[number, number]>([0, 0])
  const known = useRef<{ rows: readonly R[]; width: number }>({ rows: [], width: 0 })
  /** the scroll position when it was last looked at, and whether the list was out of sight, where it has none */
  const seen = useRef({ top: 0, hidden: false })
  const props = useRef({ nearStart, nearEnd, onView, more })
  props.current = { nearStart, nearEnd, onView, more }

  // One may have scrolled on since: what is held now is what rows are put around.
  if (visible() && Math.abs(box.current!.scrollTop - seen.current.top) > 1) hold()
  if (known.current.rows !== rows) {
    known.current.rows = rows
    layout.set(rows.map(row => row.key), i => guess(rows[i]!, known.current.width || 700))
    shown.current = around()
  }

  const [start, end] = shown.current

  function visible() { return !seen.current.hidden && Boolean(box.current?.clientHeight) }

  function headHeight() { return head.current?.offsetHeight ?? 0 }

  /** around is the rows to make, from where the view is held. */
  function around(): [number, number] {
    const height = box.current?.clientHeight || 800
    const top = target(height) ?? 0
    return layout.range(top - headHeight(), height, SPARE)
  }

  /** target is the scroll position that the anchor asks for. */
  function target(height: number): number | undefined {
    const held = anchor.current
    if (held === 'end') return Math.max(0, layout.total + headHeight() - height)
    const index = layout.index(held.key)
    return index < 0 ? undefined : Math.max(0, layout.top(index) + headHeight() - held.offset)
  }

  function hold() {
    const { scrollTop, clientHeight } = box.current!
    seen.current.top = scrollTop
    const end = layout.total + headHeight() - clientHeight
    if (scrollTop >= end - AT_END && !props.current.more) {
      anchor.current = 'end'
      return
    }
    let index = layout.at(scrollTop - headHeight())
    while (index < layout.length - 1 && moves(known.current.rows[index]!)) index++
    const key = layout.key(index)
    if (key !== undefined) anchor.current = { key, offset: layout.top(index) + headHeight() - scrollTop }
  }

  function tell() {
    if (!box.current?.clientHeight) return
    const { scrollTop, clientHeight } = box.current
    const top = scrollTop - headHeight()
    const { nearStart, nearEnd, onView, more } = props.current
    onView?.({ atEnd: anchor.current === 'end' && !more, first: layout.at(top), last: layout.at(top + clientHeight - 8) })
    if (layout.length > 0 && scrollTop < 1500) nearStart?.()
    if (more && layout.total - top - clientHeight < 1500) nearEnd?.()
  }

  /** settle measures what is in the page, puts the view where it is held and asks for rows that are missing. */
  function settle() {
    if (!box.current) return
    seen.current.hidden = box.current.clientHeight === 0
    if (seen.current.hidden) return
    const { clientHeight, clientWidth } = box.current
    const [start] = made.current
    if (known.current.width !== clientWidth) {
      if (known.current.width) layout.forget()
      known.current.width = clientWidth
    }
    let news = false
    for (let i = 0, element = list.current!.firstElementChild; element; i++, element = element.nextElementSibling) {
      const key = layout.key(start + i)
      if (key !== undefined && layout.measure(key, element.getBoundingClientRect().height)) news = true
    }
    if (news) layout.place()
    pad()
    if (!props.current.more && layout.total + headHeight() <= clientHeight) anchor.current = 'end' // all of it is in the window
    const to = target(clientHeight)
    if (to !== undefined && Math.abs(box.current!.scrollTop - to) > 0.5) box.current!.scrollTop = to
    seen.current.top = box.current!.scrollTop
    want(LEAST_SPARE)
  }

  /** want renders again when rows that are nearer than `spare` are missing. */
  function want(spare: number): boolean {
    const { scrollTop, clientHeight } = box.current!
    const top = scrollTop - headHeight()
    const [from, until] = layout.range(top, clientHeight, spare)
    if (from >= made.current[0] && until <= made.current[1]) return false
    shown.current = layout.range(top, clientHeight, SPARE)
    again()
    return true
  }

  function pad() {
    const [start, end] = made.current
    list.current!.style.paddingBlock = `${layout.top(start)}px ${layout.total - layout.top(end)}px`
  }

  useLayoutEffect(() => {
    made.current = [start, end]
    settle()
    tell()
  })

  useEffect(() => {
    // What changes its height without a new render: a window that is resized, text that is edited, fonts that arrive.
    const watcher = new ResizeObserver(() => { settle(); tell() })
    watcher.observe(box.current!)
    watcher.observe(list.current!)
    return () => watcher.disconnect()
  }, [])

  function onScroll() {
    if (!visible()) return // browsers tell of the last scrolling when this has gone from the page, or from sight
    hold()
    if (!want(LEAST_SPARE)) tell()
  }

  useImperativeHandle(handle ?? null, () => ({
    reveal(key, share = 0.35) {
      if (layout.index(key) < 0) return false
      anchor.current = { key, offset: (box.current?.clientHeight ?? 600) * share }
      shown.current = around()
      again()
      return true
    },
    toEnd() {
      anchor.current = 'end'
      shown.current = around()
      again()
    },
    scrollBy(pixels) { box.current?.scrollBy({ top: pixels }) },
  }), [])

  return (
    <div ref={box} class={`scroller ${extra}`} role="log" aria-label={label} aria-live="off" tabIndex={0} onScroll={onScroll} onKeyDown={onKeyDown}>
      <div ref={head}>{before}</div>
      <div ref={list} class="rows">{rows.slice(start, end).map((row, i) => render(row, start + i))}</div>
    </div>
  )
}
