import { useEffect, useRef, useState } from 'preact/hooks'
import { explain } from '../app/toast'

interface Page<T> { items: readonly T[]; next?: string | undefined }
export interface Paged<T> { items: readonly T[] | null; next?: string | undefined; error: string; more(): void; again(): void; change(items: (now: readonly T[]) => readonly T[]): void }

/** usePaged fetches a list page by page, anew for every query. */
export function usePaged<T>(ask: (query: string, cursor?: string) => Promise<Page<T>>, query = ''): Paged<T> {
  const [page, setPage] = useState<Page<T> | null>(null)
  const [error, setError] = useState('')
  const turn = useRef(0)
  const load = async (cursor?: string) => {
    const mine = ++turn.current
    setError('')
    try {
      const found = await ask(query, cursor)
      if (mine === turn.current) setPage(now => ({ items: cursor && now ? [...now.items, ...found.items] : found.items, next: found.next }))
    } catch (failure) {
      if (mine === turn.current) setError(explain(failure))
    }
  }
  useEffect(() => {
    const wait = setTimeout(() => void load(), query ? 200 : 0)
    return () => clearTimeout(wait)
  }, [query])
  return {
    items: page?.items ?? null, next: page?.next, error,
    more: () => void load(page?.next), again: () => void load(), change: how => setPage(now => now && { ...now, items: how(now.items) }),
  }
}
