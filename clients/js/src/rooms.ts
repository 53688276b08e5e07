import { Observable } from "./observable.ts"
import type { Room } from "./room.ts"

/** The rooms that I am in. Changes when one of them does. */
export class RoomList extends Observable {
  #rooms = new Map<string, Room>()
  #all: readonly Room[] | undefined
  #loaded = false

  /** The most recently active first; archived ones last. */
  get all(): readonly Room[] {
    return (this.#all ??= [...this.#rooms.values()].sort((a, b) => Number(a.archived) - Number(b.archived) || b.lastAt - a.lastAt))
  }

  /** Whether the list is here, from storage or from the server. */
  get loaded(): boolean {
    return this.#loaded
  }

  get(id: string): Room | undefined {
    return this.#rooms.get(id)
  }

  /** @internal */
  put(room: Room): void {
    this.#rooms.set(room.id, room)
    this.touch()
  }

  /** @internal */
  remove(id: string): void {
    this.#rooms.delete(id)
    this.touch()
  }

  /** @internal */
  load(): void {
    this.#loaded = true
    this.touch()
  }

  /** @internal */
  touch(): void {
    this.#all = undefined
    this.changed()
  }
}
