import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { picker, type Place } from '../app/overlay'
import { explain } from '../app/toast'
import { beside } from '../design/Menu'
import { Icon } from '../design/Icon'
import { t } from '../i18n'
import { find, groups, type Emoji } from './data'
import { recent, remember } from './recent'
import './emoji.css'

/** In the order of Unicode's groups. */
const groupNames = ['emoji.smileys', 'emoji.people', 'emoji.nature', 'emoji.food', 'emoji.travel', 'emoji.activities', 'emoji.objects', 'emoji.symbols', 'emoji.flags'] as const
/** As many as fit the picker with little scrolling. */
const MOST_FOUND = 72

interface Section { title: string; emoji: readonly Emoji[] }

/** EmojiPicker shows all emoji by group, finds them by name, and puts first what was used last. */
export function EmojiPicker({ at, back, pick }: { at: Place; back: HTMLElement | null; pick: (emoji: string) => void }) {
  const box = useRef<HTMLDivElement>(null)
  const field = useRef<HTMLInputElement>(null)
  const [all, setAll] = useState<readonly Section[] | null>(null)
  const [error, setError] = useState('')
  const [query, setQuery] = useState('')
  const [found, setFound] = useState<readonly Emoji[] | null>(null)
  const [shown, show] = useState<Emoji>()
  useEffect(() => { groups().then(lists => setAll(sections(lists)), (failure: unknown) => setError(explain(failure))) }, [])
  useLayoutEffect(() => beside(box.current!, at), [at, all])
  useLayoutEffect(() => { field.current?.focus() }, [])
  useEffect(() => {
    if (!query.trim()) return setFound(null)
    let wanted = true
    find(query.trim(), MOST_FOUND).then(hits => { if (wanted) setFound(hits) }, () => {})
    return () => { wanted = false }
  }, [query])
  const close = () => {
    picker.value = null
    if (back?.isConnected) back.focus()
  }
  const choose = (emoji: string) => { remember(emoji); close(); pick(emoji) }
  const byEmoji = useMemo(() => new Map(all?.flatMap(section => section.emoji).map(e => [e.emoji, e])), [all])
  const emojiAt = (e: Event) => e.target instanceof HTMLButtonElement ? byEmoji.get(e.target.textContent) : undefined
  const onKeyDown = (e: KeyboardEvent) => {
    const cell = e.target instanceof HTMLElement && e.target.matches('.cells button') ? e.target : null
    if (e.key === 'Escape') close()
    else if (e.key === 'Enter' && e.target === field.current && found?.[0]) choose(found[0].emoji)
    else if (!cell && (e.key === 'ArrowDown' || (e.key === 'Tab' && e.shiftKey && e.target === field.current))) box.current!.querySelector<HTMLElement>('.cells button')?.focus()
    else if (cell && e.key === 'Tab' && !e.shiftKey) field.current?.focus()
    else if (cell && e.key.startsWith('Arrow')) (beyond(box.current!, cell, e.key) ?? field.current)?.focus()
    else return
    e.preventDefault()
    e.stopPropagation()
  }
  // Rendered once: what is pointed at changes only the line below.
  const list = useMemo(() => all?.map(section => <section key={section.title} aria-label={section.title}><h3>{section.title}</h3><Cells emoji={section.emoji} /></section>), [all])
  return (
    <>
      <div class="veil" onPointerDown={close} />
      <div ref={box} class="menu emoji-picker" role="dialog" aria-label={t('emoji')} onKeyDown={onKeyDown}>
        <label class="search-field"><span class="sr-only">{t('emoji.find')}</span><Icon name="search" size={16} /><input ref={field} class="input" type="search" placeholder={t('emoji.find')} value={query} onInput={e => setQuery(e.currentTarget.value)} /></label>
        {all && !found && (
          <div class="jumps" role="group" aria-label={t('emoji.groups')}>
            {all.map((section, i) => <button key={section.title} type="button" aria-label={section.title} title={section.title} onClick={() => jump(box.current!.querySelectorAll('section')[i]!)}>{section.emoji[0]!.emoji}</button>)}
          </div>
        )}
        <div class="groups" onClick={e => { const emoji = emojiAt(e); if (emoji) choose(emoji.emoji) }} onMouseOver={e => show(emojiAt(e))} onFocusIn={e => show(emojiAt(e))}>
          {error && <p role="alert">{error}</p>}
          {!all && !error && <span class="spinner center" role="status" aria-label={t('loading')} />}
          {found ? found.length > 0 ? <Cells emoji={found} /> : <p class="soft" role="status">{t('emoji.none', { q: query })}</p> : list}
        </div>
        <p class="shown soft small ellipsis" aria-hidden="true">{shown && <><span>{shown.emoji}</span> {shown.codes.map(code => `:${code}:`).join(' ')}</>}</p>
      </div>
    </>
  )
}

/** jump goes there again when what was skipped on the way to it has got its size. */
function jump(section: Element): void {
  section.scrollIntoView()
  requestAnimationFrame(() => requestAnimationFrame(() => section.scrollIntoView()))
}

function Cells({ emoji }: { emoji: readonly Emoji[] }) {
  return <div class="cells">{emoji.map(e => <button key={e.emoji} type="button" tabIndex={-1} aria-label={e.codes[0]!.replaceAll('_', ' ')}>{e.emoji}</button>)}</div>
}

function sections(lists: readonly (readonly Emoji[])[]): Section[] {
  const all = lists.map((emoji, i) => ({ title: t(groupNames[i] ?? 'emoji'), emoji }))
  const known = new Map(lists.flat().map(e => [e.emoji, e]))
  const used = recent().flatMap(emoji => known.get(emoji) ?? [])
  return used.length > 0 ? [{ title: t('emoji.recent'), emoji: used }, ...all] : all
}

/** beyond is the emoji that an arrow leads to: the next one, or the nearest in the next row; undefined is above all. */
function beyond(box: HTMLElement, from: HTMLElement, key: string): HTMLElement | undefined {
  const cells = [...box.querySelectorAll<HTMLElement>('.cells button')]
  const at = cells.indexOf(from)
  const rtl = getComputedStyle(box).direction === 'rtl'
  if (key === 'ArrowLeft' || key === 'ArrowRight') return cells[at + ((key === 'ArrowRight') !== rtl ? 1 : -1)] ?? from
  const by = key === 'ArrowDown' ? 1 : -1
  const { left, top } = from.getBoundingClientRect()
  let best: HTMLElement | undefined
  let row: number | undefined
  for (let i = at + by; i >= 0 && i < cells.length; i += by) {
    const cell = cells[i]!.getBoundingClientRect()
    if (Math.abs(cell.top - top) < 1) continue
    row ??= cell.top
    if (Math.abs(cell.top - row) > 1) break
    if (!best || Math.abs(cell.left - left) < Math.abs(best.getBoundingClientRect().left - left)) best = cells[i]!
  }
  return best ?? (by > 0 ? from : undefined)
}
