import { useState } from 'preact/hooks'
import type { Room } from '@parley/client'
import { openPanel } from '../app/route'
import { chat } from '../app/session'
import { report, toast } from '../app/toast'
import { useWatch } from '../app/watch'
import { Avatar, Name } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { t } from '../i18n'
import { archive, leave } from '../room/leave'
import { Frame } from './Frame'

/** DetailsPanel is what a room is about, what one wants to hear of it, and how it ends. */
export function DetailsPanel({ room }: { room: Room }) {
  const name = useWatch(room, () => room.name)
  const topic = useWatch(room, () => room.topic)
  const archived = useWatch(room, () => room.archived)
  const people = useWatch(room, () => room.member_count)
  const { me } = chat()
  const runs = room.kind !== 'direct' && !archived && (room.role === 'owner' || room.role === 'moderator' || me.role === 'owner' || me.role === 'admin')
  const [editing, edit] = useState(false)
  return (
    <Frame title={t('room.details')}>
      <div class="scroll body">
        <section class="about">
          <Avatar id={room.peer?.id ?? room.id} name={name} size={64} room={room.kind !== 'direct'} />
          {editing ? <Edit room={room} done={() => edit(false)} /> : <>
            <h3 dir="auto">{name}</h3>
            {room.handle && <p class="soft small">#{room.handle}</p>}
            {topic && <p class="topic" dir="auto">{topic}</p>}
            {runs && <button type="button" class="button slim" onClick={() => edit(true)}><Icon name="edit" size={16} />{t('room.edit')}</button>}
          </>}
        </section>
        {room.kind !== 'direct' && <>
          <button type="button" class="button wide" onClick={() => openPanel({ kind: 'members' })}><Icon name="people" size={18} />{t('members.count', { count: people })}</button>
          <p class="small soft">{t(`room.kind.${room.kind}`)}{room.created_by && <> · {t('room.made_by')} <Name id={room.created_by} /></>}</p>
        </>}
        <Mine room={room} />
        {runs && <ReadOnly room={room} />}
        {room.kind !== 'direct' && (
          <section class="stack">
            <button type="button" class="button danger wide" onClick={() => void leave(room)}><Icon name="door" size={18} />{t('room.leave')}</button>
            {runs && room.role !== 'moderator' && <button type="button" class="button danger wide" onClick={() => void archive(room)}><Icon name="archive" size={18} />{t('room.archive')}</button>}
          </section>
        )}
      </div>
    </Frame>
  )
}

function Edit({ room, done }: { room: Room; done: () => void }) {
  const [name, setName] = useState(room.name)
  const [topic, setTopic] = useState(room.topic)
  const [busy, setBusy] = useState(false)
  const save = async () => {
    setBusy(true)
    try {
      const change = { ...(name.trim() !== room.name && { name: name.trim() }), ...(topic.trim() !== room.topic && { topic: topic.trim() }) }
      if (Object.keys(change).length > 0) await room.update(change)
      done()
    } catch (error) {
      report(error)
    }
    setBusy(false)
  }
  return (
    <form class="stack" onSubmit={e => { e.preventDefault(); void save() }}>
      <label class="field"><span>{t('room.name')}</span><input value={name} required maxLength={80} dir="auto" onInput={e => setName(e.currentTarget.value)} /></label>
      <label class="field"><span>{t('room.topic')}</span><textarea rows={3} value={topic} maxLength={500} dir="auto" onInput={e => setTopic(e.currentTarget.value)} /></label>
      <div class="actions"><button type="button" class="button" onClick={done}>{t('cancel')}</button><button class="button main" disabled={busy}>{t('save')}</button></div>
    </form>
  )
}

function Mine({ room }: { room: Room }) {
  const muted = useWatch(room, () => room.muted)
  const favourite = useWatch(room, () => room.favourite)
  const notify = useWatch(room, () => room.notify)
  const set = (wish: Parameters<Room['setMine']>[0]) => void room.setMine(wish).catch(report)
  return (
    <section class="stack">
      <h3>{t('room.for_me')}</h3>
      <label class="check"><input type="checkbox" checked={favourite} onChange={e => set({ favourite: e.currentTarget.checked })} /><span>{t('room.favourite')}</span></label>
      <label class="check"><input type="checkbox" checked={muted} onChange={e => set({ muted: e.currentTarget.checked })} /><span>{t('room.mute')} <span class="small soft">{t('room.mute.hint')}</span></span></label>
      <label class="field"><span>{t('room.notify')}</span>
        <select value={notify} onChange={e => set({ notify: e.currentTarget.value as Room['notify'] })}>
          {(['all', 'mentions', 'none'] as const).map(value => <option key={value} value={value}>{t(`room.notify.${value}`)}</option>)}
        </select>
      </label>
    </section>
  )
}

function ReadOnly({ room }: { room: Room }) {
  const on = useWatch(room, () => room.read_only)
  return (
    <label class="check"><input type="checkbox" checked={on} onChange={e => {
      const wanted = e.currentTarget.checked
      room.update({ read_only: wanted }).then(() => toast(t(wanted ? 'room.read_only.on' : 'room.read_only.off')), report)
    }} /><span>{t('room.read_only')} <span class="small soft">{t('room.read_only.hint')}</span></span></label>
  )
}
