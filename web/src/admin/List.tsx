import type { ComponentChildren } from 'preact'
import { Icon } from '../design/Icon'
import { t } from '../i18n'
import type { Paged } from './paged'

interface Props<T> { page: Paged<T>; label: string; empty: string; render: (item: T) => ComponentChildren }

/** List shows a paged list in each of its states: on its way, failed, empty, or there. */
export function List<T>({ page, label, empty, render }: Props<T>) {
  if (page.error) return <div class="empty"><Icon name="alert" size={28} /><p role="alert">{page.error}</p><button type="button" class="button" onClick={page.again}>{t('try_again')}</button></div>
  if (!page.items) return <span class="spinner center" role="status" aria-label={t('loading')} />
  if (page.items.length === 0) return <div class="empty"><p>{empty}</p></div>
  return (
    <div class="stack">
      <ul class="list card" aria-label={label}>{page.items.map(render)}</ul>
      {page.next && <button type="button" class="button" onClick={page.more}>{t('more')}</button>}
    </div>
  )
}

export function Filter({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return <label class="search-field"><span class="sr-only">{label}</span><Icon name="search" size={18} /><input class="input" type="search" placeholder={label} value={value} onInput={e => onChange(e.currentTarget.value)} /></label>
}
