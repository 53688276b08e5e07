import { useEffect, useState } from 'preact/hooks'
import { ParleyError } from '@parley/client'
import { go, route } from '../app/route'
import { farewell, signIn, signUp } from '../app/session'
import { explain } from '../app/toast'
import { Icon } from '../design/Icon'
import { Logo } from '../design/Logo'
import { t } from '../i18n'
import { capabilities, invitation, type Invitation } from './server'
import './entry.css'

/** Entry is what somebody sees who is not signed in. */
export function Entry() {
  const now = route.value
  const fresh = now.page === 'signup' || now.page === 'invite'
  return (
    <main class="entry">
      <div class="entry-card">
        <header><Logo size={44} /><h1>{fresh ? t('entry.welcome') : t('entry.back')}</h1><p class="soft">{t('entry.claim')}</p></header>
        {farewell.value && <p class="notice-box" role="status">{farewell.value}</p>}
        {fresh ? <SignUp code={now.page === 'invite' ? now.code : undefined} /> : <SignIn />}
      </div>
    </main>
  )
}

function SignIn() {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const submit = async (e: SubmitEvent) => {
    e.preventDefault()
    const form = new FormData(e.currentTarget as HTMLFormElement)
    setBusy(true)
    try {
      await signIn(String(form.get('username')).trim().toLowerCase(), String(form.get('password')))
    } catch (failure) {
      setError(failure instanceof ParleyError && failure.code === 'unauthenticated' ? t('entry.wrong') : explain(failure))
      setBusy(false)
    }
  }
  return (
    <>
      <form class="stack" onSubmit={e => void submit(e)} aria-label={t('entry.sign_in')}>
        <label class="field"><span>{t('entry.username')}</span><input name="username" required autofocus maxLength={64} autocomplete="username" autocapitalize="none" spellcheck={false} /></label>
        <Password label={t('entry.password')} autocomplete="current-password" />
        {error && <p class="wrong" role="alert">{error}</p>}
        <button class="button main wide" disabled={busy}>{busy ? <span class="spinner" aria-hidden="true" /> : null}{t('entry.sign_in')}</button>
      </form>
      <p class="other">{t('entry.new')} <button type="button" class="link" onClick={() => go({ page: 'signup' })}>{t('entry.create')}</button></p>
    </>
  )
}

/** USERNAME is the server's rule. */
const USERNAME = /^[a-z0-9._-]{1,32}$/

function SignUp({ code }: { code: string | undefined }) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const [name, setName] = useState('')
  const [username, setUsername] = useState('')
  const [own, setOwn] = useState(false)
  const [first, setFirst] = useState(false)
  const [closed, setClosed] = useState<'open' | 'closed' | 'invite'>('open')
  const [invite, setInvite] = useState<Invitation | 'invalid' | undefined>()
  useEffect(() => { capabilities().then(c => setClosed(c.signup), () => {}) }, [])
  useEffect(() => { if (code) invitation(code).then(setInvite, (failure: unknown) => { if (failure instanceof ParleyError && failure.status < 500 && failure.status > 0) setInvite('invalid') }) }, [code])
  const shown = own ? username : slug(name)
  const invalid = shown !== '' && !USERNAME.test(shown)
  const submit = async (e: SubmitEvent) => {
    e.preventDefault()
    const form = new FormData(e.currentTarget as HTMLFormElement)
    setBusy(true)
    try {
      await signUp({ username: shown, password: String(form.get('password')), ...(name.trim() && { display_name: name.trim() }), ...(code && { invite: code }) })
    } catch (failure) {
      setError(failure instanceof ParleyError && failure.code === 'conflict' ? t('entry.taken', { username: shown }) : explain(failure))
      setBusy(false)
    }
  }
  const back = <p class="other">{t('entry.have')} <button type="button" class="link" onClick={() => go({ page: 'signin' })}>{t('entry.sign_in')}</button></p>
  if (closed === 'closed' || (closed === 'invite' && !code && !first) || invite === 'invalid') {
    return <><div class="notice-box"><Icon name="lock" /><p>{invite === 'invalid' ? t('entry.invite.invalid') : t(closed === 'closed' ? 'entry.closed' : 'entry.invite.needed')}</p></div>
      {closed === 'invite' && !invite && <p class="other">{t('entry.first')} <button type="button" class="link" onClick={() => setFirst(true)}>{t('entry.create')}</button></p>}
      {back}</>
  }
  return (
    <>
      {invite && <p class="notice-box" dir="auto">{t(invite.room ? 'entry.invited.room' : 'entry.invited', { name: invite.invited_by.display_name || invite.invited_by.username, room: invite.room?.name ?? '' })}</p>}
      <form class="stack" onSubmit={e => void submit(e)} aria-label={t('entry.create')}>
        <label class="field"><span>{t('entry.name')}</span><input name="display_name" autofocus required maxLength={64} autocomplete="name" dir="auto" value={name} onInput={e => setName(e.currentTarget.value)} /><span class="hint">{t('entry.name.hint')}</span></label>
        <label class="field"><span>{t('entry.username')}</span>
          <input name="username" required maxLength={32} autocomplete="username" autocapitalize="none" spellcheck={false} value={shown} aria-invalid={invalid} onInput={e => { setOwn(true); setUsername(e.currentTarget.value.toLowerCase()) }} />
          <span class={invalid ? 'wrong' : 'hint'} role={invalid ? 'alert' : undefined}>{t('entry.username.hint')}</span>
        </label>
        <Password label={t('entry.password')} autocomplete="new-password" hint={t('entry.password.hint')} />
        {error && <p class="wrong" role="alert">{error}</p>}
        <button class="button main wide" disabled={busy || invalid}>{busy ? <span class="spinner" aria-hidden="true" /> : null}{t('entry.create')}</button>
      </form>
      {back}
    </>
  )
}

const latin: Record<string, string> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th' }

/** slug proposes a username for a name. */
export function slug(name: string): string {
  return name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/[ßæœøłđðþ]/g, letter => latin[letter]!).replace(/[^a-z0-9]+/g, '.').replace(/^\.+|\.+$/g, '').slice(0, 32)
}

function Password({ label, autocomplete, hint }: { label: string; autocomplete: 'current-password' | 'new-password'; hint?: string }) {
  const [seen, see] = useState(false)
  return (
    <div class="field password">
      <label for="password"><span>{label}</span></label>
      <input id="password" name="password" type={(seen ? 'text' : 'password') as 'password'} required minLength={autocomplete === 'new-password' ? 8 : 1} maxLength={128} autocomplete={autocomplete} aria-describedby={hint ? 'password-hint' : undefined} />
      <button type="button" class="icon-button" aria-pressed={seen} aria-label={t('entry.password.show')} onClick={() => see(!seen)}><Icon name="eye" /></button>
      {hint && <span id="password-hint" class="hint">{hint}</span>}
    </div>
  )
}
