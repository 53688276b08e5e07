import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { picker, type Place } from '../app/overlay'
import { explain } from '../app/toast'
import { beside } from '../design/Menu'
import { Icon } from '../design/Icon'
import { t } from '../i18n'
import { find, groups, type Emoji } from './data'
import './emoji.css'

const RECENT = 'parley.app.emoji'
const ROW = 9

function recent(): string[] {
  try { return (JSON.parse(localStorage.getItem(RECENT) ?? '[]') as string[]).slice(0, ROW * 2) } catch { return [] }
}
function remember(emoji: string): void {
  localStorage.setItem(RECENT, JSON.stringify([emoji, ...recent().filter(other => other !== emoji)].slice(0, ROW * 2)))
}

/** EmojiPicker shows all emoji by group, finds them by name, and puts first what was used last. */
export function EmojiPicker({ at, back, pick }: { at: Place; back: HTMLElement | null; pick: (emoji: string) => void }) {
  const box = useRef<HTMLDivElement>(null)
  const field = useRef<HTMLInputElement>(null)
  const [all, setAll] = useState<readonly Emoji[][] | null>(null)
  const [error, setError] = useState('')
  const [query, setQuery] = useState('')
  const [found, setFound] = useState<readonly Emoji[] | null>(null)
  useEffect(() => { groups().then(setAll, (failure: unknown) => setError(explain(failure))) }, [])
  useLayoutEffect(() => beside(box.current!, at), [at, all])
  useEffect(() => { field.current?.focus() }, [])
  useEffect(() => {
    if (!query.trim()) return setFound(null)
    let wanted = true
    find(query.trim(), 72).then(hits => { if (wanted) setFound(hits) }, () => {})
    return () => { wanted = false }
  }, [query])
  const close = () => {
    picker.value = null
    if (back?.isConnected) back.focus()
  }
  const choose = (emoji: string) => { remember(emoji); close(); pick(emoji) }
  const onKeyDown = (e: KeyboardEvent) => {
    const cells = [...box.current!.querySelectorAll<HTMLElement>('.cells button')]
    const now = cells.indexOf(document.activeElement as HTMLElement)
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: ROW, ArrowUp: -ROW }[e.key]
    if (e.key === 'Escape') close()
    else if (e.key === 'Enter' && now < 0 && found?.[0]) choose(found[0].emoji)
    else if (by && now >= 0) (now + by < 0 ? field.current : cells[Math.min(now + by, cells.length - 1)])?.focus()
    else if (e.key === 'ArrowDown' && now < 0) cells[0]?.focus()
    else return
    e.preventDefault()
    e.stopPropagation()
  }
  const names = new Map((all ?? []).flatMap(group => group.map(e => [e.emoji, e.codes[0] ?? ''] as const)))
  const cells = (list: readonly string[]) => <div class="cells">{list.map(emoji => <button key={emoji} type="button" aria-label={names.get(emoji)?.replaceAll('_', ' ')} title={`:${names.get(emoji)}:`} onClick={() => choose(emoji)}>{emoji}</button>)}</div>
  return (
    <>
      <div class="veil" onMouseDown={close} />
      <div ref={box} class="menu emoji-picker" role="dialog" aria-label={t('emoji')} onKeyDown={onKeyDown}>
        <label class="search-field"><span class="sr-only">{t('emoji.find')}</span><Icon name="search" size={16} /><input ref={field} class="input" type="search" placeholder={t('emoji.find')} value={query} onInput={e => setQuery(e.currentTarget.value)} /></label>
        <div class="groups">
          {error && <p role="alert">{error}</p>}
          {!all && !error && <span class="spinner center" role="status" aria-label={t('loading')} />}
          {found ? found.length > 0 ? cells(found.map(e => e.emoji)) : <p class="soft">{t('emoji.none', { q: query })}</p> : all && <>
            {recent().length > 0 && <section><h3>{t('emoji.recent')}</h3>{cells(recent())}</section>}
            {all.map((group, i) => <section key={i}><h3>{t(groupNames[i] ?? 'emoji')}</h3>{cells(group.map(e => e.emoji))}</section>)}
          </>}
        </div>
      </div>
    </>
  )
}

/** In the order of Unicode's groups. */
const groupNames = ['emoji.smileys', 'emoji.people', 'emoji.nature', 'emoji.food', 'emoji.travel', 'emoji.activities', 'emoji.objects', 'emoji.symbols', 'emoji.flags'] as const
