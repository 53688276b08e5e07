import { useState } from 'preact/hooks'
import { confirm } from '../app/overlay'
import { chat } from '../app/session'
import { explain, report, toast } from '../app/toast'
import { Name } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { t, when } from '../i18n'
import { List } from './List'
import { usePaged } from './paged'

interface Invite { id: string; url?: string; created_by: string; expires_at: string; max_uses: number; uses: number; room?: string }

const DAY_S = 86_400

/** Invites makes links that let people sign up, and takes them back. */
export function Invites() {
  const page = usePaged<Invite>(async (_, cursor) => {
    const found = await chat().api.listInvites(cursor ? { cursor } : {})
    return { items: found.invites ?? [], next: found.next_cursor }
  })
  const [made, setMade] = useState('')
  const end = async (invite: Invite) => {
    if (!await confirm({ title: t('invites.end.title'), text: t('invites.end.text'), action: t('invites.end'), danger: true })) return
    try {
      await chat().api.endInvite({ id: invite.id })
      page.change(now => now.filter(other => other.id !== invite.id))
    } catch (error) {
      report(error)
    }
  }
  return (
    <>
      <Make onMade={invite => { setMade(invite.url ?? ''); page.change(now => [invite, ...now]) }} />
      {made && <Made url={made} />}
      <List page={page} label={t('admin.invites')} empty={t('invites.none')} render={invite => (
        <li key={invite.id}>
          <div class="row">
            <Icon name="link" />
            <span class="grow"><span class="ellipsis">{t('invites.uses', { uses: invite.uses, count: invite.max_uses })}</span> <p class="small soft ellipsis"><Name id={invite.created_by} /> · {t('invites.until', { when: when(Date.parse(invite.expires_at)) })}{invite.room && ` · ${chat().rooms.get(invite.room)?.name ?? ''}`}</p></span>
            {invite.uses >= invite.max_uses ? <span class="tag">{t('invites.used_up')}</span>
              : Date.parse(invite.expires_at) <= Date.now() ? <span class="tag">{t('invites.over')}</span>
              : <button type="button" class="button danger slim" onClick={() => void end(invite)}>{t('invites.end')}</button>}
          </div>
        </li>
      )} />
    </>
  )
}

function Make({ onMade }: { onMade: (invite: Invite) => void }) {
  const [state, setState] = useState<{ busy: boolean; error: string }>({ busy: false, error: '' })
  const rooms = chat().rooms.all.filter(room => room.kind !== 'direct' && !room.archived)
  const make = async (form: HTMLFormElement) => {
    const data = new FormData(form)
    const room = String(data.get('room'))
    setState({ busy: true, error: '' })
    try {
      onMade(await chat().api.createInvite({ max_uses: Number(data.get('uses')), expires_in_s: Number(data.get('days')) * DAY_S, ...(room && { room }) }))
      setState({ busy: false, error: '' })
    } catch (error) {
      setState({ busy: false, error: explain(error) })
    }
  }
  return (
    <form class="stack card" aria-label={t('invites.make')} onSubmit={e => { e.preventDefault(); void make(e.currentTarget) }}>
      <h2>{t('invites.make')}</h2>
      <div class="fields">
        <label class="field"><span>{t('invites.max')}</span><input type="number" name="uses" min={1} max={10000} required defaultValue="1" /></label>
        <label class="field"><span>{t('invites.days')}</span><input type="number" name="days" min={1} max={366} required defaultValue="7" /></label>
        <label class="field"><span>{t('invites.room')}</span><select name="room"><option value="">{t('invites.room.none')}</option>{rooms.map(room => <option key={room.id} value={room.id}>{room.name}</option>)}</select></label>
      </div>
      {state.error && <p class="wrong" role="alert">{state.error}</p>}
      <div class="actions"><button class="button main" disabled={state.busy}>{t('invites.create')}</button></div>
    </form>
  )
}

function Made({ url }: { url: string }) {
  const copy = () => navigator.clipboard.writeText(url).then(() => toast(t('message.link.copied')), () => toast(t('copy.failed'), { tone: 'error' }))
  return (
    <div class="notice-box stack" role="status">
      <p>{t('invites.made')}</p>
      <label class="field"><span class="sr-only">{t('invites.link')}</span><input readOnly value={url} onFocus={e => e.currentTarget.select()} /></label>
      <button type="button" class="button" onClick={() => void copy()}><Icon name="copy" size={18} />{t('message.link.copy')}</button>
    </div>
  )
}
