import { useEffect, useRef } from 'preact/hooks'
import { Icon, type IconName } from './Icon'

interface Tab { name: string; label: string; href: string; icon: IconName }

/** Tabs leads among the parts of a page. */
export function Tabs({ label, tabs, current }: { label: string; tabs: readonly Tab[]; current: string }) {
  const on = useRef<HTMLAnchorElement>(null)
  useEffect(() => on.current?.scrollIntoView({ block: 'nearest', inline: 'center' }), [current]) // on a phone not all are seen at once
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(tab => <a key={tab.name} ref={tab.name === current ? on : undefined} href={tab.href} aria-current={tab.name === current ? 'page' : undefined}><Icon name={tab.icon} size={18} />{tab.label}</a>)}
    </nav>
  )
}
