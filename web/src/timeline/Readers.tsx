import { signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import type { Message, Room } from '@parley/client'
import { chat } from '../app/session'
import { explain } from '../app/toast'
import { useWatch } from '../app/watch'
import { Avatar, nameOf, useUser } from '../design/Avatar'
import { Dialog } from '../design/Dialog'
import { Icon } from '../design/Icon'
import { t } from '../i18n'

export const readers = signal<{ room: Room; message: Message } | null>(null)

/** ReadersHost lists who has read a message, and whom it has reached. */
export function ReadersHost() {
  const asked = readers.value
  return asked && <Readers room={asked.room} seq={asked.message.seq!} by={asked.message.by} />
}

function Readers({ room, seq, by }: { room: Room; seq: number; by: string }) {
  const [state, setState] = useState<'loading' | 'here' | string>('loading')
  useEffect(() => { room.loadReceipts().then(() => setState('here'), (error: unknown) => setState(explain(error))) }, [room])
  const marks = useWatch(room, () => room.receipts).filter(mark => mark.user !== by)
  const read = marks.filter(mark => mark.read >= seq)
  const delivered = marks.filter(mark => mark.read < seq && mark.delivered >= seq)
  return (
    <Dialog title={t('readers.title')} onClose={() => { readers.value = null }}>
      {state === 'loading' ? <span class="spinner" role="status" aria-label={t('loading')} /> : state !== 'here' ? <p>{state}</p> : <>
        <People title={t('readers.read')} ids={read.map(mark => mark.user)} none={t('readers.nobody')} />
        {delivered.length > 0 && <People title={t('readers.delivered')} ids={delivered.map(mark => mark.user)} none="" />}
      </>}
    </Dialog>
  )
}

function People({ title, ids, none }: { title: string; ids: string[]; none: string }) {
  return (
    <section>
      <h3 class="small soft">{title}</h3>
      {ids.length === 0 ? <p>{none}</p> : <ul class="list">{ids.map(id => <li key={id}><Person id={id} /></li>)}</ul>}
    </section>
  )
}

function Person({ id }: { id: string }) {
  const user = useUser(id)
  return <div class="row"><Avatar id={id} name={nameOf(user)} /><span class="grow"><bdi>{nameOf(user)}</bdi>{id === chat().me.id && ` (${t('you')})`}</span><Icon name="checks" size={16} /></div>
}
