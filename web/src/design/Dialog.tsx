import type { ComponentChildren } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'
import { t } from '../i18n'
import { question } from '../app/overlay'
import { Icon } from './Icon'

interface Props { title: string; onClose: () => void; children: ComponentChildren; large?: boolean; /** Nothing in it takes the focus, so that its text does, for who scrolls by keyboard. */ reading?: boolean; class?: string; role?: 'alertdialog' }

/** Dialog lies over the page until it is closed; the focus is kept in it, and goes back to where it was. */
export function Dialog({ title, onClose, children, large, reading, class: extra = '', role }: Props) {
  const element = useRef<HTMLDialogElement>(null)
  const heading = useId()
  useLayoutEffect(() => { // before what is in it asks for the focus
    const shown = element.current!
    const back = document.activeElement
    shown.showModal()
    return () => {
      if (shown.open) shown.close()
      if (!(back instanceof HTMLElement && back.isConnected)) return
      back.blur() // Chromium has put the focus back already, but into a page that was still inert: without a caret
      back.focus()
    }
  }, [])
  return (
    <dialog ref={element} role={role} class={`sheet${large ? ' large' : ''} ${extra}`} aria-labelledby={heading}
      onCancel={e => { e.preventDefault(); onClose() }} onMouseDown={e => { if (e.target === element.current) onClose() }}>
      <header>
        <h2 id={heading}>{title}</h2>
        <button type="button" class="icon-button" aria-label={t('close')} onClick={onClose}><Icon name="close" /></button>
      </header>
      <div class="body" tabIndex={reading ? 0 : undefined}>{children}</div>
    </dialog>
  )
}

/** Confirmation shows the question that is being asked, if one is. */
export function Confirmation() {
  const q = question.value
  if (!q) return null
  return (
    <Dialog title={q.title} role="alertdialog" onClose={() => q.answer(false)}>
      <p>{q.text}</p>
      <div class="actions">
        <button type="button" class="button" onClick={() => q.answer(false)}>{t('cancel')}</button>
        <button type="button" class={`button main${q.danger ? ' danger' : ''}`} autofocus onClick={() => q.answer(true)}>{q.action}</button>
      </div>
    </Dialog>
  )
}
