import type { JSX } from 'preact'
import { useMe } from '../app/me'
import { go, href, type AdminTab } from '../app/route'
import { Icon, type IconName } from '../design/Icon'
import { Tabs } from '../design/Tabs'
import { t } from '../i18n'
import { Invites } from './Invites'
import { Overview } from './Overview'
import { People } from './People'
import { Rooms } from './Rooms'
import '../settings/settings.css'

const tabs: Record<AdminTab, { icon: IconName; page: () => JSX.Element }> = {
  overview: { icon: 'info', page: Overview },
  people: { icon: 'people', page: People },
  rooms: { icon: 'hash', page: Rooms },
  invites: { icon: 'link', page: Invites },
}

/** Admin is for those who run the installation. */
export function Admin({ tab = 'overview' }: { tab?: AdminTab }) {
  const me = useMe()
  const runs = me.role === 'owner' || me.role === 'admin'
  const Page = tabs[tab].page
  return (
    <main id="main" class="page">
      <header class="room-header">
        <button type="button" class="icon-button back" aria-label={t('back')} onClick={() => go({ page: 'home' })}><Icon name="back" /></button>
        <div class="grow titles"><h1>{t('admin')}</h1></div>
        <button type="button" class="icon-button" aria-label={t('close')} onClick={() => go({ page: 'home' })}><Icon name="close" /></button>
      </header>
      {runs ? <>
        <Tabs label={t('admin')} current={tab} tabs={(Object.keys(tabs) as AdminTab[]).map(name => ({ name, label: t(`admin.${name}`), href: href({ page: 'admin', tab: name }), icon: tabs[name].icon }))} />
        <div class="scroll column"><Page key={tab} /></div>
      </> : <div class="empty fill"><Icon name="lock" size={36} /><p>{t('admin.forbidden')}</p></div>}
    </main>
  )
}
