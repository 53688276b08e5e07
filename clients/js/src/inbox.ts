import { backoff, pause } from "./backoff.ts"
import type { ParleyError } from "./error.ts"
import type { Event } from "./model.ts"

/**
 * Where this client stands in a room.
 *
 *     delivered      gap                  parked
 *     1 … cursor │ cursor+1 … from-1 │ from … want
 *
 * Outside a gap, cursor+1 is the next event. While a gap is being fetched, what comes behind it waits.
 */
interface Place {
  cursor: number
  /** The head that the server named last: what is up to it has happened before we heard of it. */
  head: number
  /** Up to where the gap that is being fetched must be closed; 0: there is none. */
  want: number
  parked: Event[]
  /** Who fetches; another one means that the gap is another. */
  filling?: object | undefined
}

function close(place: Place): void {
  place.want = 0
  place.parked = []
  place.filling = undefined
}

/** What comes out of an {@link Inbox}. */
export interface Sink {
  /** The next event of its room. `live`: it has just happened. */
  deliver(event: Event, live: boolean): void
  /** Events from after+1 to before `from` are left out: there were too many. */
  skipped(room: string, after: number, from: number): void
  /** A page of the room's events after a number, ascending. */
  fetch(room: string, after: number): Promise<Event[]>
  /** A room has caught up with its head. */
  caughtUp(room: string): void
}

/** How many events may wait behind a gap; more are fetched too. */
const maxParked = 2_000

/** How many empty answers in a row make a gap be given up. */
const maxEmpty = 5

/** Makes every event exactly once, in order per room, of what a server sends twice, late or not at all. */
export class Inbox {
  #places = new Map<string, Place>()
  #sink: Sink
  #gapLimit: number

  /** `gapLimit`: the longest gap, in events, that is fetched; longer ones are skipped. */
  constructor(sink: Sink, gapLimit: number) {
    this.#sink = sink
    this.#gapLimit = gapLimit
  }

  /** What to say in hello. */
  cursors(): Record<string, number> {
    return Object.fromEntries([...this.#places].map(([room, place]) => [room, place.cursor]))
  }

  cursor(room: string): number | undefined {
    return this.#places.get(room)?.cursor
  }

  /** Remembers where an earlier run stood. */
  restore(room: string, cursor: number): void {
    this.#places.set(room, { cursor, head: cursor, want: 0, parked: [] })
  }

  /** The server names a room of mine and its head. A room that is new here begins there. */
  enter(room: string, head: number): void {
    const place = this.#places.get(room)
    if (place) place.head = Math.max(head, place.cursor)
    else this.restore(room, head)
  }

  leave(room: string): void {
    this.#places.delete(room)
  }

  /** The server has fewer events than we: everything begins anew. */
  reset(room: string, head: number): void {
    this.restore(room, 0)
    this.#places.get(room)!.head = head
  }

  /** Whether everything that had happened when we connected is here, so that what waits may be sent. */
  caughtUp(room: string): boolean {
    const place = this.#places.get(room)
    return !place || (place.cursor >= place.head && !place.want)
  }

  /** Takes an event however it came. Of a room that is not mine it is nothing. */
  event(event: Event): void {
    const place = this.#places.get(event.room)
    if (!place || event.seq <= place.cursor) return
    if (place.want || event.seq > place.cursor + 1) {
      if (place.parked.length < maxParked) place.parked.push(event)
      this.#gap(event.room, place, event.seq)
    } else {
      this.#deliver(event.room, place, event)
    }
  }

  /** The replay begins at `from`: what is between must be fetched. */
  truncated(room: string, from: number): void {
    const place = this.#places.get(room)
    if (place && from > place.cursor + 1) this.#gap(room, place, from - 1)
  }

  /** Fetches what should have come and did not. */
  chase(): void {
    for (const [room, place] of this.#places) {
      if (place.cursor < place.head) this.#gap(room, place, place.head)
    }
  }

  /** The connection is lost: the next one replays from the cursors. */
  disconnected(): void {
    for (const place of this.#places.values()) close(place)
  }

  #deliver(room: string, place: Place, event: Event): void {
    place.cursor = event.seq
    this.#sink.deliver(event, event.seq > place.head)
    if (event.seq === place.head) this.#sink.caughtUp(room)
  }

  #gap(room: string, place: Place, want: number): void {
    place.want = Math.max(place.want, want)
    if (!place.filling) void this.#fill(room, place, (place.filling = {}))
  }

  async #fill(room: string, place: Place, filling: object): Promise<void> {
    const current = () => this.#places.get(room) === place && place.filling === filling
    if (place.want - place.cursor > this.#gapLimit) this.#skip(room, place)
    for (let failures = 0, empty = 0; current() && place.cursor < place.want;) {
      const before = place.cursor
      let refusal: ParleyError | undefined
      const events = await this.#sink.fetch(room, before).catch((thrown: ParleyError) => void (refusal = thrown))
      if (!current()) return
      events?.forEach((event) => this.#next(room, place, event))
      this.#unpark(room, place)
      if (place.cursor > before) {
        failures = empty = 0
      } else if (refusal?.code === "not_found" || refusal?.code === "forbidden") {
        return close(place) // the room is not mine any more, as the server is about to tell
      } else if (!refusal && ++empty > maxEmpty) {
        break
      } else {
        await pause(Math.max(refusal?.retryAfterMs ?? 0, backoff(failures++)))
      }
    }
    if (!current()) return
    // The server promises numbers without holes; a hole that it keeps is not waited for.
    if (place.cursor < place.want) this.#skip(room, place)
    close(place)
    if (this.caughtUp(room)) this.#sink.caughtUp(room)
  }

  #next(room: string, place: Place, event: Event): void {
    if (event.seq === place.cursor + 1 && this.#places.get(room) === place) this.#deliver(room, place, event)
  }

  #unpark(room: string, place: Place): void {
    for (const event of place.parked) this.#next(room, place, event)
    place.parked = place.parked.filter((event) => event.seq > place.cursor)
  }

  #skip(room: string, place: Place): void {
    const from = place.parked[0]?.seq ?? place.want + 1
    this.#sink.skipped(room, place.cursor, from)
    place.cursor = from - 1
    this.#unpark(room, place)
  }
}
