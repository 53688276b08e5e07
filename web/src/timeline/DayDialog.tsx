import { signal } from '@preact/signals'
import { useState } from 'preact/hooks'
import { Dialog } from '../design/Dialog'
import { t } from '../i18n'

const asked = signal<{ at: number; pick: (day: Date) => void } | null>(null)

/** pickDay asks for a day to go to, and proposes one. */
export function pickDay(at: number, pick: (day: Date) => void): void {
  asked.value = { at, pick }
}

export function DayHost() {
  return asked.value && <DayDialog key={asked.value.at} {...asked.value} />
}

function DayDialog({ at, pick }: { at: number; pick: (day: Date) => void }) {
  const [value, setValue] = useState(iso(at))
  const close = () => { asked.value = null }
  return (
    <Dialog title={t('day.jump')} onClose={close}>
      <form class="field" onSubmit={e => { e.preventDefault(); close(); pick(new Date(`${value}T00:00:00`)) }}>
        <label class="field"><span>{t('day.label')}</span><input type="date" required max={iso(Date.now())} value={value} onInput={e => setValue(e.currentTarget.value)} /></label>
        <div class="actions"><button class="button main">{t('day.go')}</button></div>
      </form>
    </Dialog>
  )
}

function iso(at: number): string {
  const d = new Date(at)
  return `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`
}
