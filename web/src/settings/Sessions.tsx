import { useEffect, useState } from 'preact/hooks'
import { confirm } from '../app/overlay'
import { chat } from '../app/session'
import { explain, report, toast } from '../app/toast'
import { Icon } from '../design/Icon'
import { t, when } from '../i18n'

interface Login { id: string; device: string; created_at: string; last_used_at: string; address: string; current: boolean }

/** Sessions lists where one is signed in, and ends what should not be. */
export function Sessions() {
  const [logins, setLogins] = useState<readonly Login[] | null>(null)
  const [error, setError] = useState('')
  const load = () => chat().api.listSessions().then(answer => setLogins(answer.sessions ?? []), (failure: unknown) => setError(explain(failure)))
  useEffect(() => { void load() }, [])
  const end = async (login: Login) => {
    const name = login.device || t('sessions.unknown')
    if (!await confirm({ title: t('sessions.end.title', { name }), text: t('sessions.end.text'), action: t('sessions.end'), danger: true })) return
    try {
      await chat().api.endSession({ id: login.id })
      toast(t('sessions.ended'))
    } catch (failure) {
      report(failure)
    }
    await load()
  }
  const endOthers = async (others: readonly Login[]) => {
    if (!await confirm({ title: t('sessions.end_others.title'), text: t('sessions.end_others.text'), action: t('sessions.end'), danger: true })) return
    try {
      for (const login of others) await chat().api.endSession({ id: login.id })
      toast(t('sessions.ended_others'))
    } catch (failure) {
      report(failure)
    }
    await load()
  }
  if (error) return <div class="empty"><p role="alert">{error}</p><button type="button" class="button" onClick={() => { setError(''); void load() }}>{t('try_again')}</button></div>
  if (!logins) return <span class="spinner center" role="status" aria-label={t('loading')} />
  const others = logins.filter(login => !login.current)
  return (
    <div class="stack">
      <p class="soft">{t('sessions.text')}</p>
      <ul class="card">
        {logins.map(login => (
          <li key={login.id} class="session">
            <Icon name="keyboard" />
            <div class="grow"><b dir="auto">{login.device || t('sessions.unknown')}</b> {login.current && <span class="tag">{t('sessions.this')}</span>}<p class="small soft">{login.address} · {t('sessions.used', { when: when(Date.parse(login.last_used_at)) })}</p></div>
            {!login.current && <button type="button" class="button danger slim" aria-label={t('sessions.end.name', { name: login.device || t('sessions.unknown') })} onClick={() => void end(login)}>{t('sessions.end')}</button>}
          </li>
        ))}
      </ul>
      {others.length > 1 && <div class="actions"><button type="button" class="button danger" onClick={() => void endOthers(others)}>{t('sessions.end_others')}</button></div>}
    </div>
  )
}
