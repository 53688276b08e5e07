import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { User } from '@parley/client'
import { chat } from '../app/session'
import { explain } from '../app/toast'
import { Avatar, Handle, nameOf } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { t } from '../i18n'

interface Props { chosen: readonly User[]; onChange: (chosen: readonly User[]) => void; without?: ReadonlySet<string>; single?: boolean; autofocus?: boolean }

/** PeoplePicker finds people by name and keeps those that were chosen. */
export function PeoplePicker({ chosen, onChange, without, single, autofocus = true }: Props) {
  const id = useId()
  const field = useRef<HTMLInputElement>(null)
  const [query, setQuery] = useState('')
  const [found, setFound] = useState<readonly User[] | null>(null)
  const [error, setError] = useState('')
  const [at, setAt] = useState(0)
  useLayoutEffect(() => { if (autofocus) field.current?.focus() }, [])
  useEffect(() => {
    let wanted = true
    const wait = setTimeout(() => {
      chat().users.find(query.trim().replace(/^@/, '')).then(
        people => { if (wanted) { setFound(people); setError(''); setAt(0) } },
        (failure: unknown) => { if (wanted) setError(explain(failure)) },
      )
    }, query ? 150 : 0)
    return () => { wanted = false; clearTimeout(wait) }
  }, [query])
  const taken = new Set(chosen.map(user => user.id))
  const choices = (found ?? []).filter(user => !taken.has(user.id) && !without?.has(user.id) && !user.deleted)
  const choose = (user: User) => {
    onChange(single ? [user] : [...chosen, user])
    setQuery('')
    field.current?.focus()
  }
  const onKeyDown = (e: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[e.key]
    const choice = choices[at]
    if (by && choices.length > 0) setAt((at + by + choices.length) % choices.length)
    else if (e.key === 'Enter' && choice && (query || single)) choose(choice)
    else if (e.key === 'Backspace' && query === '' && chosen.length > 0) onChange(chosen.slice(0, -1))
    else return
    e.preventDefault()
  }
  return (
    <div class="people-picker">
      {chosen.length > 0 && !single && (
        <ul class="chips" aria-label={t('people.chosen')}>
          {chosen.map(user => <li key={user.id} class="chip"><Avatar id={user.id} name={nameOf(user)} size={20} /><bdi>{nameOf(user)}</bdi><button type="button" aria-label={t('people.without', { name: nameOf(user) })} onClick={() => onChange(chosen.filter(other => other.id !== user.id))}><Icon name="close" size={14} /></button></li>)}
        </ul>
      )}
      <label class="search-field"><span class="sr-only">{t('people.find')}</span><Icon name="search" size={18} />
        <input ref={field} class="input" type="text" role="combobox" aria-expanded={choices.length > 0} aria-controls={id} aria-activedescendant={choices[at] ? `${id}-${at}` : undefined} autocomplete="off" spellcheck={false} placeholder={t('people.find')} value={query} onInput={e => setQuery(e.currentTarget.value)} onKeyDown={onKeyDown} />
      </label>
      {error && <p role="alert" class="small">{error}</p>}
      <ul class="list people" role="listbox" id={id} aria-label={t('people.found')}>
        {choices.slice(0, 50).map((user, i) => (
          <li key={user.id} id={`${id}-${i}`} role="option" aria-selected={i === at} onClick={() => choose(user)}>
            <div class="row"><Avatar id={user.id} name={nameOf(user)} size={32} /><span class="grow ellipsis"><bdi>{nameOf(user)}</bdi> <span class="soft"><Handle of={user} /></span></span></div>
          </li>
        ))}
      </ul>
      {found && choices.length === 0 && <p class="soft small">{query ? t('people.none', { q: query }) : t('people.nobody')}</p>}
    </div>
  )
}
