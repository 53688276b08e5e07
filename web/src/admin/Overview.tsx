import { useEffect, useState } from 'preact/hooks'
import { chat } from '../app/session'
import { explain } from '../app/toast'
import { number, t } from '../i18n'

type Stats = Awaited<ReturnType<ReturnType<typeof chat>['api']['adminStats']>>

/** Overview is how much there is of what. */
export function Overview() {
  const [stats, setStats] = useState<Stats | null>(null)
  const [version, setVersion] = useState('')
  const [error, setError] = useState('')
  useEffect(() => {
    chat().api.adminStats().then(setStats, (failure: unknown) => setError(explain(failure)))
    chat().api.capabilities().then(found => setVersion(found.version), () => {})
  }, [])
  if (error) return <p role="alert">{error}</p>
  if (!stats) return <span class="spinner center" role="status" aria-label={t('loading')} />
  return (
    <>
      <dl class="stats">
        {(Object.keys(shown) as (keyof typeof shown)[]).map(name => <div key={name} class="card"><dt class="soft small">{t(shown[name])}</dt><dd>{number(stats[name])}</dd></div>)}
      </dl>
      {version && <p class="soft small">{t('admin.version', { version })}</p>}
    </>
  )
}

const shown = { users: 'stats.users', rooms: 'stats.rooms', messages: 'stats.messages', events: 'stats.events', dead_commands: 'stats.dead' } as const
