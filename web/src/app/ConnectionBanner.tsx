import { useEffect, useState } from 'preact/hooks'
import type { ConnectionState } from '@parley/client'
import { Icon } from '../design/Icon'
import { t } from '../i18n'
import { chat } from './session'
import { useWatch } from './watch'

/** How long a connection may be missing before it is worth a word: most come back sooner. */
const PATIENCE_MS = 1200

/** ConnectionBanner says when there is no connection, what that means, and when it is tried again. */
export function ConnectionBanner() {
  const { connection } = chat()
  const state = useWatch(connection, () => connection.state)
  const [late, setLate] = useState(false)
  const fine = state.phase === 'online' || state.phase === 'idle' || state.phase === 'ended'
  useEffect(() => {
    if (fine) return setLate(false)
    const wait = setTimeout(() => setLate(true), state.phase === 'offline' ? 0 : PATIENCE_MS)
    return () => clearTimeout(wait)
  }, [fine, state.phase === 'offline'])
  return <div class="banner" role="status" data-phase={state.phase}>{!fine && late && <Words state={state} />}</div>
}

function Words({ state }: { state: ConnectionState }) {
  const { connection } = chat()
  const until = state.phase === 'waiting' ? state.retryAt : 0
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    if (!until) return
    setNow(Date.now())
    const tick = setInterval(() => setNow(Date.now()), 500)
    return () => clearInterval(tick)
  }, [until])
  const seconds = Math.max(0, Math.ceil((until - now) / 1000))
  const text = state.phase === 'offline' ? t('connection.offline') : state.phase === 'waiting' && seconds > 0 ? t('connection.waiting', { count: seconds }) : t('connection.connecting')
  return (
    <p>
      {state.phase === 'offline' ? <Icon name="alert" size={16} /> : <span class="spinner" aria-hidden="true" />}
      <span>{text}</span>
      {state.phase === 'waiting' && <button type="button" class="link" onClick={() => connection.retryNow()}>{t('connection.now')}</button>}
    </p>
  )
}
