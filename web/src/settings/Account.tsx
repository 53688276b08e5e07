import { useState } from 'preact/hooks'
import { ParleyError } from '@parley/client'
import { confirm } from '../app/overlay'
import { useMe } from '../app/me'
import { accountDeleted, chat, signOut } from '../app/session'
import { explain, report, toast } from '../app/toast'
import { t } from '../i18n'

/** Account is the password, the way out, and the end. */
export function Account() {
  return (
    <>
      <PasswordForm />
      <section class="setting card">
        <h2>{t('sign_out')}</h2>
        <p class="soft">{t('account.sign_out.text')}</p>
        <button type="button" class="button" onClick={() => void signOut().catch(report)}>{t('sign_out')}</button>
      </section>
      <DeleteForm />
    </>
  )
}

function PasswordForm() {
  const [state, setState] = useState<{ busy: boolean; error: string }>({ busy: false, error: '' })
  const save = async (form: HTMLFormElement) => {
    const data = new FormData(form)
    setState({ busy: true, error: '' })
    try {
      await chat().api.editMe({ password: { old: String(data.get('old')), new: String(data.get('new')) } })
      form.reset()
      setState({ busy: false, error: '' })
      toast(t('account.password.changed'))
    } catch (failure) {
      const wrong = failure instanceof ParleyError && (failure.code === 'forbidden' || failure.code === 'unauthenticated')
      setState({ busy: false, error: wrong ? t('account.password.wrong') : explain(failure) })
    }
  }
  return (
    <form class="stack card" aria-label={t('account.password')} onSubmit={e => { e.preventDefault(); void save(e.currentTarget) }}>
      <h2>{t('account.password')}</h2>
      <label class="field"><span>{t('account.password.old')}</span><input type="password" name="old" required autocomplete="current-password" maxLength={128} /></label>
      <label class="field"><span>{t('account.password.new')}</span><input type="password" name="new" required minLength={8} maxLength={128} autocomplete="new-password" /><span class="hint">{t('entry.password.hint')}</span></label>
      {state.error && <p class="wrong" role="alert">{state.error}</p>}
      <div class="actions"><button class="button main" disabled={state.busy}>{t('account.password.change')}</button></div>
    </form>
  )
}

function DeleteForm() {
  const me = useMe()
  const [typed, setTyped] = useState('')
  const remove = async () => {
    if (!await confirm({ title: t('account.delete.title'), text: t('account.delete.sure'), action: t('account.delete'), danger: true })) return
    try {
      await chat().api.deleteMe()
      await accountDeleted()
    } catch (failure) {
      report(failure)
    }
  }
  return (
    <form class="setting card" aria-label={t('account.delete')} onSubmit={e => { e.preventDefault(); void remove() }}>
      <h2>{t('account.delete')}</h2>
      <p class="soft">{t('account.delete.text')}</p>
      <label class="field"><span>{t('account.delete.confirm', { username: me.username })}</span><input value={typed} autocomplete="off" autocapitalize="none" spellcheck={false} onInput={e => setTyped(e.currentTarget.value)} /></label>
      <button class="button danger" disabled={typed.trim() !== me.username}>{t('account.delete')}</button>
    </form>
  )
}
