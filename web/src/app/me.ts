import { useReducer, useEffect } from 'preact/hooks'
import type { User } from '@parley/client'
import { chat } from './session'

/** useMe is one's own profile, as it is now. */
export function useMe(): User {
  const [, again] = useReducer<number, void>(n => n + 1, 0)
  const client = chat()
  useEffect(() => client.on('me', () => again()), [client])
  return client.me
}
