import { useEffect, useRef } from 'preact/hooks'
import { dismiss, toasts } from '../app/toast'
import { t } from '../i18n'
import { Icon } from './Icon'

/** Toasts are shown in the browser's top layer, so that an open dialog does not hide them. */
export function Toasts() {
  const element = useRef<HTMLDivElement>(null)
  const shown = toasts.value
  useEffect(() => {
    const host = element.current!
    if (host.matches(':popover-open')) host.hidePopover()
    if (shown.length > 0) host.showPopover() // again, to be above a dialog that was opened since
  }, [shown])
  return (
    <div ref={element} class="toasts" popover="manual" role="status" aria-live="polite">
      {shown.map(toast => (
        <div key={toast.id} class={`toast ${toast.tone}`} role={toast.tone === 'error' ? 'alert' : undefined}>
          <span>{toast.text}</span>
          {toast.action && <button type="button" class="button slim" onClick={() => { dismiss(toast.id); toast.action!.run() }}>{toast.action.label}</button>}
          <button type="button" class="icon-button" aria-label={t('dismiss')} onClick={() => dismiss(toast.id)}><Icon name="close" size={16} /></button>
        </div>
      ))}
    </div>
  )
}
