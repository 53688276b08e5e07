import { useLayoutEffect, useReducer, useRef } from 'preact/hooks'

export interface Observable { subscribe(fn: () => void): () => void }

/** useWatch renders again whenever what `read` finds in the subject is another value than before. */
export function useWatch<T>(subject: Observable | undefined, read: () => T): T {
  const [, again] = useReducer<number, void>(n => n + 1, 0)
  const value = read()
  const latest = useRef({ read, value })
  latest.current = { read, value }
  useLayoutEffect(() => {
    const check = () => { if (!Object.is(latest.current.read(), latest.current.value)) again() }
    check() // it may have changed since it was rendered
    return subject?.subscribe(check)
  }, [subject])
  return value
}
