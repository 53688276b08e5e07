import { signal } from '@preact/signals'
import { en, type Dictionary, type Key } from './en'

export type { Key } from './en'
export const languages = { en: 'English', de: 'Deutsch' } as const
export type Language = keyof typeof languages

const dictionary = signal<Dictionary>(en)
export const language = signal<Language>('en')

/** load switches to a language. The texts of others than English are fetched when they are first wanted. */
export async function load(wanted: Language): Promise<void> {
  dictionary.value = wanted === 'de' ? (await import('./de')).de : en
  language.value = wanted
  document.documentElement.lang = wanted
}

/** preferred is the first of the browser's languages that there are texts for. */
export function preferred(of: readonly string[] = navigator.languages): Language {
  const known = of.map(tag => tag.slice(0, 2).toLowerCase()).find(tag => tag in languages)
  return (known as Language | undefined) ?? 'en'
}

type Values = Record<string, string | number>

/** t is the text of a key; `{name}` in it becomes the value of that name, and `count` chooses the plural form. */
export function t(key: Key, values?: Values): string {
  const entry = dictionary.value[key]
  const text = typeof entry === 'string' ? entry : (entry as Record<string, string>)[plural(Number(values?.count))] ?? (entry as { other: string }).other
  return values ? text.replace(/\{(\w+)\}/g, (all, name: string) => name in values ? shown(values[name]!) : all) : text
}

/** regional is the browser's own variant of a language, so that a Briton reads 14:30 where an American reads 2:30 PM. */
const regional = (tag: Language) => navigator.languages.find(own => own.slice(0, 2).toLowerCase() === tag) ?? tag

const formats = new Map<string, unknown>()
function cached<T>(kind: string, make: (tag: string) => T): T {
  const key = `${kind} ${language.value}`
  if (!formats.has(key)) formats.set(key, make(regional(language.value)))
  return formats.get(key) as T
}

const shown = (value: string | number) => typeof value === 'number' ? number(value) : isolate(value)
/** Names that are written from right to left keep their direction to themselves. */
const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]/
const isolate = (value: string) => RIGHT_TO_LEFT.test(value) ? `\u2068${value}\u2069` : value

const plural = (count: number) => cached('plural', tag => new Intl.PluralRules(tag)).select(count)
export const number = (value: number) => cached('number', tag => new Intl.NumberFormat(tag)).format(value)
export const list = (values: string[]) => cached('list', tag => new Intl.ListFormat(tag, { type: 'conjunction' })).format(values)

const dates = (kind: string, options: Intl.DateTimeFormatOptions) => (at: number) => cached(kind, tag => new Intl.DateTimeFormat(tag, options)).format(at)
/** clock is the time of day, in the language's own way. */
export const clock = dates('clock', { timeStyle: 'short' })
/** moment is date and time in full, for tooltips. */
export const moment = dates('moment', { dateStyle: 'full', timeStyle: 'short' })
const weekday = dates('weekday', { weekday: 'long' })
const dayAndMonth = dates('day', { weekday: 'long', day: 'numeric', month: 'long' })
const fullDay = dates('fullday', { day: 'numeric', month: 'long', year: 'numeric' })
const shortDay = dates('shortday', { day: 'numeric', month: 'short' })
const shortWeekday = dates('shortweekday', { weekday: 'short' })
const shortDate = dates('shortdate', { dateStyle: 'short' })
export const date = fullDay

/** midnight is the start of the local day that a time is in. */
export function midnight(at: number): number {
  const day = new Date(at)
  return day.setHours(0, 0, 0, 0)
}

const DAY = 86_400_000
const daysAgo = (at: number) => Math.round((midnight(Date.now()) - midnight(at)) / DAY)

/** day is how a separator names a day: today, yesterday, a weekday, or the date. */
export function day(at: number): string {
  const ago = daysAgo(at)
  if (ago === 0) return t('day.today')
  if (ago === 1) return t('day.yesterday')
  if (ago > 1 && ago < 7) return weekday(at)
  return new Date(at).getFullYear() === new Date().getFullYear() ? dayAndMonth(at) : fullDay(at)
}

/** brief is the shortest that still tells when: the time today, a weekday this week, else the date. */
export function brief(at: number): string {
  const ago = daysAgo(at)
  if (ago === 0) return clock(at)
  if (ago > 0 && ago < 7) return shortWeekday(at)
  return new Date(at).getFullYear() === new Date().getFullYear() ? shortDay(at) : shortDate(at)
}

/** when is a day and a time, for messages outside their room. */
export const when = (at: number) => daysAgo(at) === 0 ? clock(at) : `${brief(at)}, ${clock(at)}`
