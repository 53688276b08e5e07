import type { Message } from '@parley/client'
import { profile } from '../app/overlay'
import { chat } from '../app/session'
import { useWatch } from '../app/watch'
import { report } from '../app/toast'
import type { MentionContext } from './Markdown'

/** useMentions says which @usernames of a message are people, and shows who they are. */
export function useMentions(m: Message): MentionContext {
  const { users, me } = chat()
  // A string, so that a message is rendered again only when one of its own people became known.
  const names = useWatch(users, () => m.mentions.map(id => users.get(id)?.username ?? '').join(' '))
  const known = new Set(names.split(' '))
  return {
    me: me.username,
    known: username => username === 'all' || known.has(username),
    open: username => {
      if (username === 'all') return
      const id = m.mentions.find(user => users.get(user)?.username === username)
      if (id) profile.value = id
      else users.find(username).then(([first]) => { if (first?.username === username) profile.value = first.id }).catch(report)
    },
  }
}
