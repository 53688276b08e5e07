// Hooks for React 18 and newer.
import type { Client, ConnectionState, Item, Observable, Room, User } from "@parley/client"
import { createContext, useContext, useEffect, useSyncExternalStore } from "react"

/** The client, for everything below its provider. */
export const ParleyContext = createContext<Client | undefined>(undefined)

export function useParley(): Client {
  const client = useContext(ParleyContext)
  if (!client) throw new Error("there is no ParleyContext.Provider above")
  return client
}

/** Renders again when something has changed, and returns it. */
export function useObservable<T extends Observable>(thing: T): T {
  useSyncExternalStore(thing.subscribe, () => thing.version)
  return thing
}

export function useConnection(): ConnectionState {
  return useObservable(useParley().connection).state
}

/** My rooms, the most recently active first. */
export function useRooms(): readonly Room[] {
  return useObservable(useParley().rooms).all
}

/** Somebody, once they are known. */
export function useUser(id: string): User | undefined {
  return useObservable(useParley().users).get(id)
}

/** What a room shows; its newest page is loaded with the first use. */
export function useTimeline(room: Room): { items: readonly Item[]; loadOlder?: () => void } {
  const timeline = useObservable(room.timeline)
  useEffect(() => void timeline.load(), [timeline])
  return { items: timeline.items, ...(timeline.hasOlder && { loadOlder: () => void timeline.loadOlder() }) }
}
