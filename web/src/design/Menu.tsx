import { useLayoutEffect, useRef } from 'preact/hooks'
import { menu, type OpenMenu, type Place } from '../app/overlay'
import { Icon } from './Icon'

/** beside puts an element below a place, or above it where there is more room, and inside the window. */
export function beside(element: HTMLElement, at: Place): void {
  const { width, height } = element.getBoundingClientRect()
  const below = at.y + at.height + 4
  const top = below + height <= innerHeight - 8 ? below : Math.max(8, at.y - height - 4)
  const rtl = getComputedStyle(element).direction === 'rtl'
  const start = rtl ? at.x + at.width - width : at.x
  const left = start + width > innerWidth - 8 ? at.x + at.width - width : start
  element.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`
  element.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`
}

export function MenuHost() {
  return menu.value && <Menu open={menu.value} />
}

function Menu({ open }: { open: OpenMenu }) {
  const element = useRef<HTMLDivElement>(null)
  const entries = () => [...element.current!.querySelectorAll<HTMLElement>('[role^="menuitem"]')]
  useLayoutEffect(() => { // at once, so that no key goes elsewhere
    beside(element.current!, open.at)
    entries()[0]?.focus()
  }, [open])
  const close = () => {
    menu.value = null
    if (open.back?.isConnected) open.back.focus()
  }
  const onKeyDown = (e: KeyboardEvent) => {
    const all = entries()
    const at = all.indexOf(document.activeElement as HTMLElement)
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[e.key]
    if (e.key === 'Escape' || e.key === 'Tab') close()
    else if (to !== undefined) all[(to + all.length) % all.length]?.focus()
    else return
    e.preventDefault()
    e.stopPropagation()
  }
  return (
    <>
      <div class="veil" onPointerDown={close} onContextMenu={e => e.preventDefault()} />
      <div ref={element} class="menu" role="menu" aria-label={open.label} onKeyDown={onKeyDown}>
        {open.above}
        {open.items.map(item => (
          <>
            {item.apart && <hr />}
            <button key={item.label} type="button" tabIndex={-1} class={item.danger ? 'danger' : ''}
              role={item.checked === undefined ? 'menuitem' : 'menuitemcheckbox'} aria-checked={item.checked}
              onClick={() => { close(); item.run() }}>
              {item.icon && <Icon name={item.icon} size={18} />}
              <span class="grow">{item.label}</span>
              {item.checked && <Icon name="check" size={16} />}
            </button>
          </>
        ))}
      </div>
    </>
  )
}
