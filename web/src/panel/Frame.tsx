import type { ComponentChildren } from 'preact'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { closePanel } from '../app/route'
import { Icon } from '../design/Icon'
import { t } from '../i18n'

interface FrameProps { title: string; subtitle?: string; children: ComponentChildren; focus?: boolean; class?: string }

/** Frame is the head of every panel, with the way to close it. */
export function Frame({ title, subtitle, children, focus = true, class: extra = '' }: FrameProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  useLayoutEffect(() => { if (focus) heading.current?.focus({ preventScroll: true }) }, [])
  return (
    <aside class={`panel ${extra}`} aria-label={title} onKeyDown={e => { if (e.key === 'Escape' && !e.defaultPrevented) closePanel() }}>
      <header>
        <div class="grow"><h2 ref={heading} tabIndex={-1}>{title}</h2>{subtitle && <p class="small soft ellipsis"><bdi>{subtitle}</bdi></p>}</div>
        <button type="button" class="icon-button" aria-label={t('close')} onClick={closePanel}><Icon name="close" /></button>
      </header>
      {children}
    </aside>
  )
}
