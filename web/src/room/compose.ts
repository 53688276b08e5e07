import { signal, type Signal } from '@preact/signals'
import type { Message } from '@parley/client'

/** What a composer is about to do besides sending: answer a message, or change one. */
export interface Intent { replyTo?: Message; editing?: Message }

const intents = new Map<string, Signal<Intent>>()

/** intentOf is shared by the composer and the messages of a room, or of one of its threads. */
export function intentOf(room: string, thread?: number): Signal<Intent> {
  const key = `${room} ${thread ?? ''}`
  let found = intents.get(key)
  if (!found) intents.set(key, found = signal({}))
  return found
}

const composers = new Map<string, HTMLTextAreaElement>()
export const composerKey = (room: string, thread?: number) => `${room} ${thread ?? ''}`

/** registered is the way for other parts of the page to put the focus where one writes. */
export function registered(key: string, field: HTMLTextAreaElement | null): void {
  if (field) composers.set(key, field)
  else composers.delete(key)
}
export const focusComposer = (room: string, thread?: number) => composers.get(composerKey(room, thread))?.focus()

const watching = new Map<string, () => void>()

/** whenSent calls fn whenever something has been written here, until what it returns is called. */
export function whenSent(key: string, fn: () => void): () => void {
  watching.set(key, fn)
  return () => { if (watching.get(key) === fn) watching.delete(key) }
}
export const tellSent = (key: string) => watching.get(key)?.()
