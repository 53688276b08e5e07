import { profile } from '../app/overlay'
import { go } from '../app/route'
import { chat } from '../app/session'
import { useWatchPresence } from '../app/presence'
import { useWatch } from '../app/watch'
import { Avatar, Handle, nameOf, useUser } from '../design/Avatar'
import { Dialog } from '../design/Dialog'
import { Icon } from '../design/Icon'
import { date, t } from '../i18n'
import { direct } from './NewRoom'

export function ProfileHost() {
  return profile.value && <Profile key={profile.value} id={profile.value} />
}

/** Profile says who somebody is, and leads to a conversation with them. */
function Profile({ id }: { id: string }) {
  const user = useUser(id)
  const { presence, me } = chat()
  useWatchPresence([id])
  const state = useWatch(presence, () => presence.get(id))
  const close = () => { profile.value = null }
  const gone = user?.deleted
  const said = state.status_text || user?.status_text
  return (
    <Dialog title={t('profile')} onClose={close} class="profile">
      <div class="who">
        <Avatar id={id} name={nameOf(user)} size={72} presence={!gone} />
        <div class="grow">
          <h3 dir="auto">{nameOf(user)}</h3>
          {user && !gone && <p class="soft"><Handle of={user} /></p>}
          {user && user.role !== 'member' && <span class="tag">{t(`org.${user.role}`)}</span>}
        </div>
      </div>
      {!gone && <p>{t(`presence.${state.status}`)}{said && <> · <bdi>{said}</bdi></>}</p>}
      {user && <p class="small soft">{t('profile.since', { date: date(Date.parse(user.created_at)) })}</p>}
      {!gone && (id === me.id
        ? <button type="button" class="button" onClick={() => { close(); go({ page: 'settings', tab: 'profile' }) }}><Icon name="edit" size={18} />{t('profile.edit')}</button>
        : <button type="button" class="button main" onClick={() => { close(); void direct(id) }}><Icon name="thread" size={18} />{t('profile.write')}</button>)}
    </Dialog>
  )
}
