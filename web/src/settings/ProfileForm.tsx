import { useState } from 'preact/hooks'
import { useMe } from '../app/me'
import { chat } from '../app/session'
import { report, toast } from '../app/toast'
import { Avatar, Handle } from '../design/Avatar'
import { t } from '../i18n'

/** ProfileForm is how others see one. */
export function ProfileForm() {
  const me = useMe()
  const [name, setName] = useState(me.display_name)
  const [status, setStatus] = useState(me.status_text ?? '')
  const [busy, setBusy] = useState(false)
  const save = async () => {
    setBusy(true)
    try {
      await chat().api.editMe({ display_name: name.trim(), status_text: status.trim() })
      toast(t('saved'))
    } catch (error) {
      report(error)
    }
    setBusy(false)
  }
  return (
    <form class="stack" onSubmit={e => { e.preventDefault(); void save() }}>
      <div class="me-card"><Avatar id={me.id} name={name || me.username} size={64} /><div><h2 dir="auto">{name || me.username}</h2><p class="soft"><Handle of={me} /></p></div></div>
      <label class="field"><span>{t('entry.name')}</span><input value={name} required maxLength={64} dir="auto" autocomplete="name" onInput={e => setName(e.currentTarget.value)} /><span class="hint">{t('entry.name.hint')}</span></label>
      <label class="field"><span>{t('profile.status')}</span><input value={status} maxLength={100} dir="auto" placeholder={t('profile.status.example')} onInput={e => setStatus(e.currentTarget.value)} /></label>
      <div class="actions"><button class="button main" disabled={busy}>{t('save')}</button></div>
    </form>
  )
}
