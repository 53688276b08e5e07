import { useRef } from 'preact/hooks'
import type { Place } from '../app/overlay'

const HOLD_MS = 450
/** A finger that moves further than this is scrolling. */
const STILL_PX = 10

/** useLongPress answers a finger that stays on something, where the browser has no event of its own for it. */
export function useLongPress(run: (at: Place) => void) {
  const held = useRef<{ timer: ReturnType<typeof setTimeout>; x: number; y: number } | undefined>(undefined)
  const end = () => {
    clearTimeout(held.current?.timer)
    held.current = undefined
  }
  return {
    onPointerDown: (e: PointerEvent) => {
      if (e.pointerType !== 'touch' || (e.target instanceof Element && e.target.closest('a, button, input'))) return
      const { clientX: x, clientY: y } = e
      held.current = { x, y, timer: setTimeout(() => { end(); getSelection()?.removeAllRanges(); run({ x, y, width: 0, height: 0 }) }, HOLD_MS) }
    },
    onPointerMove: (e: PointerEvent) => {
      if (held.current && Math.hypot(e.clientX - held.current.x, e.clientY - held.current.y) > STILL_PX) end()
    },
    onPointerUp: end,
    onPointerCancel: end,
    onPointerLeave: end,
  }
}
