import { useState } from 'preact/hooks'
import type { User } from '@parley/client'
import { dialog } from '../app/overlay'
import { go } from '../app/route'
import { chat } from '../app/session'
import { explain, report } from '../app/toast'
import { Dialog } from '../design/Dialog'
import { Icon, type IconName } from '../design/Icon'
import { t } from '../i18n'
import { PeoplePicker } from './PeoplePicker'

type Kind = 'direct' | 'group' | 'channel'
const icons: Record<Kind, IconName> = { direct: 'person', group: 'people', channel: 'hash' }

/** direct opens the conversation with one person, made if there was none. */
export async function direct(user: string): Promise<void> {
  try {
    const room = await chat().createRoom({ kind: 'direct', members: [user] })
    go({ page: 'room', room: room.id })
  } catch (error) {
    report(error)
  }
}

/** NewRoom begins a conversation: with one person, with some, or open to everybody. */
export function NewRoom() {
  const [kind, setKind] = useState<Kind>('direct')
  const close = () => { dialog.value = null }
  return (
    <Dialog title={t('new.title')} onClose={close} class="new-room">
      <fieldset class="kinds">
        <legend class="sr-only">{t('new.kind')}</legend>
        {(['direct', 'group', 'channel'] as const).map(value => (
          <label key={value} class="kind">
            <input type="radio" name="kind" value={value} checked={kind === value} onChange={() => setKind(value)} />
            <Icon name={icons[value]} /><b>{t(`new.${value}`)}</b><span class="small soft">{t(`new.${value}.text`)}</span>
          </label>
        ))}
      </fieldset>
      {kind === 'direct' ? <Direct close={close} /> : <Shared key={kind} kind={kind} close={close} />}
    </Dialog>
  )
}

function Direct({ close }: { close: () => void }) {
  const open = (user: User) => { close(); void direct(user.id) }
  const { me } = chat()
  return (
    <>
      <PeoplePicker single chosen={[]} onChange={([user]) => { if (user) open(user) }} without={new Set([me.id])} />
      <button type="button" class="link" onClick={() => open(me)}>{t('new.self')}</button>
    </>
  )
}

function Shared({ kind, close }: { kind: 'group' | 'channel'; close: () => void }) {
  const [name, setName] = useState('')
  const [topic, setTopic] = useState('')
  const [members, setMembers] = useState<readonly User[]>([])
  const [state, setState] = useState<{ busy: boolean; error: string }>({ busy: false, error: '' })
  const create = async () => {
    setState({ busy: true, error: '' })
    try {
      const room = await chat().createRoom({ kind, name: name.trim(), ...(topic.trim() && { topic: topic.trim() }), members: members.map(user => user.id) })
      close()
      go({ page: 'room', room: room.id })
    } catch (error) {
      setState({ busy: false, error: explain(error) })
    }
  }
  return (
    <form class="stack" onSubmit={e => { e.preventDefault(); void create() }}>
      <label class="field"><span>{t('room.name')}</span><input required maxLength={80} value={name} dir="auto" autofocus placeholder={t(`new.${kind}.example`)} onInput={e => setName(e.currentTarget.value)} /></label>
      <label class="field"><span>{t('room.topic')} <span class="soft">({t('optional')})</span></span><input maxLength={500} value={topic} dir="auto" onInput={e => setTopic(e.currentTarget.value)} /></label>
      <div class="field"><span>{t('new.members')}</span><PeoplePicker chosen={members} onChange={setMembers} without={new Set([chat().me.id])} autofocus={false} /></div>
      {state.error && <p class="wrong" role="alert">{state.error}</p>}
      <div class="actions"><button type="button" class="button" onClick={close}>{t('cancel')}</button><button class="button main" disabled={state.busy || name.trim() === ''}>{t('create')}</button></div>
    </form>
  )
}
