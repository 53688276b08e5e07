import type { Room } from '@parley/client'
import { confirm } from '../app/overlay'
import { go, route } from '../app/route'
import { report, toast } from '../app/toast'
import { t } from '../i18n'

/** leave asks and then takes one out of a room. */
export async function leave(room: Room): Promise<void> {
  const text = room.kind === 'channel' ? t('room.leave.channel') : t('room.leave.group')
  if (!await confirm({ title: t('room.leave.title', { name: room.name }), text, action: t('room.leave'), danger: true })) return
  try {
    await room.leave()
    if (route.value.page === 'room' && route.value.room === room.id) go({ page: 'home' }, { replace: true })
    toast(t('room.left', { name: room.name }))
  } catch (error) {
    report(error)
  }
}

/** archive asks and then closes a room for good: it can be read, and nothing more is said in it. */
export async function archive(room: Room): Promise<void> {
  if (!await confirm({ title: t('room.archive.title', { name: room.name }), text: t('room.archive.text'), action: t('room.archive'), danger: true })) return
  await room.archive().catch(report)
}
