import { signal } from '@preact/signals'
import type { ComponentChild } from 'preact'
import type { IconName } from '../design/Icon'

export interface MenuItem { label: string; icon?: IconName; run: () => void; danger?: boolean; checked?: boolean; apart?: boolean }
export interface Place { x: number; y: number; width: number; height: number }
export interface OpenMenu { label: string; items: MenuItem[]; at: Place; back: HTMLElement | null; above?: ComponentChild }

/** What lies over the page; there is at most one of each. */
export const menu = signal<OpenMenu | null>(null)
export const picker = signal<{ at: Place; back: HTMLElement | null; pick: (emoji: string) => void } | null>(null)
export const dialog = signal<'new-room' | 'switcher' | 'shortcuts' | null>(null)
export const question = signal<Question | null>(null)
export const profile = signal<string | null>(null)

export interface Question { title: string; text: string; action: string; danger?: boolean; answer: (yes: boolean) => void }

const placeOf = (element: Element): Place => element.getBoundingClientRect()
const focused = () => document.activeElement instanceof HTMLElement ? document.activeElement : null

/** openMenu shows what can be done with the element, or at a point of the page. */
export function openMenu(label: string, at: Element | Place, items: MenuItem[], above?: ComponentChild): void {
  menu.value = { label, items, at: at instanceof Element ? placeOf(at) : at, back: focused(), above }
}
export function openPicker(at: Element | Place, pick: (emoji: string) => void): void {
  picker.value = { at: at instanceof Element ? placeOf(at) : at, back: focused(), pick }
}

/** confirm asks before something that cannot be taken back. */
export function confirm(q: Omit<Question, 'answer'>): Promise<boolean> {
  return new Promise(resolve => { question.value = { ...q, answer: yes => { question.value = null; resolve(yes) } } })
}
