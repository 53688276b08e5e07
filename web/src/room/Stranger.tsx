import { useEffect, useState } from 'preact/hooks'
import type { RoomInfo } from '@parley/client'
import { chat } from '../app/session'
import { explain, report } from '../app/toast'
import { Icon } from '../design/Icon'
import { t } from '../i18n'

/** Stranger is shown for a room that one is not in: a public channel can be joined, and who runs the installation enters any. */
export function Stranger({ id }: { id: string }) {
  const [state, setState] = useState<{ kind?: RoomInfo['kind']; name?: string; topic?: string; error?: string }>({})
  const [busy, setBusy] = useState(false)
  useEffect(() => {
    setState({})
    let wanted = true
    chat().api.getRoom({ room: id }).then(room => { if (wanted) setState(room) }, (error: unknown) => { if (wanted) setState({ error: explain(error) }) })
    return () => { wanted = false }
  }, [id])
  const join = async () => {
    setBusy(true)
    const { api, me } = chat()
    await (state.kind === 'channel' ? chat().joinRoom(id) : api.setMember({ room: id, user: me.id })).catch(report)
    setBusy(false)
  }
  return (
    <main id="main" class="page">
      <div class="empty fill">
        {state.name !== undefined ? <>
          <Icon name={state.kind === 'channel' ? 'hash' : 'people'} size={40} />
          <h2 dir="auto">{state.name}</h2>
          <p dir="auto">{state.topic || t(state.kind === 'channel' ? 'stranger.text' : 'stranger.admin')}</p>
          {state.kind !== 'direct' && <button type="button" class="button main" disabled={busy} onClick={() => void join()}>{t('join')}</button>}
        </> : state.error !== undefined ? <>
          <Icon name="lock" size={40} />
          <h2>{t('stranger.none')}</h2>
          <p>{t('stranger.none.text')}</p>
          <a class="button" href="#/browse">{t('browse.title')}</a>
        </> : <span class="spinner" role="status" aria-label={t('loading')} />}
      </div>
    </main>
  )
}
