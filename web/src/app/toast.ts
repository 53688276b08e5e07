import { signal } from '@preact/signals'
import { ParleyError } from '@parley/client'
import { t } from '../i18n'

export interface Toast { id: number; text: string; tone: 'plain' | 'error'; action?: { label: string; run: () => void } }

export const toasts = signal<readonly Toast[]>([])
let last = 0

/** toast tells something that needs no answer; it goes by itself after some seconds. */
export function toast(text: string, options: Partial<Omit<Toast, 'id' | 'text'>> = {}): void {
  const id = ++last
  toasts.value = [...toasts.value.filter(other => other.text !== text).slice(-2), { id, text, tone: 'plain', ...options }]
  setTimeout(() => dismiss(id), options.tone === 'error' || options.action ? 9000 : 4000)
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter(other => other.id !== id)
}

/** report tells of an error and what to do about it. */
export function report(error: unknown, action?: Toast['action']): void {
  toast(explain(error), { tone: 'error', ...(action && { action }) })
}

/** explain says an error in words that help whoever reads them. */
export function explain(error: unknown): string {
  if (!(error instanceof ParleyError)) {
    console.error(error)
    return t('error.unknown')
  }
  switch (error.code) {
    case 'network': return t('error.network')
    case 'unavailable': return t('error.unavailable')
    case 'internal': return t('error.internal')
    case 'rate_limited': return t('error.rate_limited', { seconds: Math.max(1, Math.ceil((error.retryAfterMs ?? 5000) / 1000)) })
    case 'unauthenticated': return t('error.unauthenticated')
    case 'too_large': return t('error.too_large')
    default: return sentence(error.detail) || t('error.unknown')
  }
}
const sentence = (text: string) => text && text[0]!.toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.')
