import type { Client, Message, Room } from "@parley/client"
import { useEffect, useState, type FormEvent, type ReactElement } from "react"
import { ParleyContext, useConnection, useObservable, useRooms, useTimeline, useUser } from "./hooks.ts"

/** A whole chat: `<Chat client={new Client({ url, session })} />`, with a client that is made once. */
export function Chat({ client }: { client: Client }): ReactElement {
  const [open, setOpen] = useState<string>()
  useEffect(() => {
    client.connect()
    return () => void client.close()
  }, [client])
  const room = open === undefined ? undefined : client.rooms.get(open)
  return (
    <ParleyContext.Provider value={client}>
      <Banner />
      <Rooms choose={setOpen} />
      {room && <Timeline key={room.id} room={room} />}
    </ParleyContext.Provider>
  )
}

function Banner(): ReactElement | null {
  const state = useConnection()
  return "reason" in state ? <p role="status">{state.reason.text}</p> : null
}

function Rooms({ choose }: { choose: (id: string) => void }): ReactElement {
  return (
    <nav>
      {useRooms().map((room) => (
        <button key={room.id} onClick={() => choose(room.id)}>{room.name} {room.unread || ""}</button>
      ))}
    </nav>
  )
}

function Timeline({ room }: { room: Room }): ReactElement {
  const { items, loadOlder } = useTimeline(room)
  const { draft } = useObservable(room)
  useEffect(() => room.markRead(), [room, items])
  const say = (event: FormEvent): void => {
    event.preventDefault()
    room.send(draft)
    room.setDraft("")
  }
  return (
    <main>
      {loadOlder && <button onClick={loadOlder}>Older</button>}
      {items.map((item) => item.kind === "message" && <Line key={item.key} room={room} message={item} />)}
      <form onSubmit={say}><input value={draft} onChange={(event) => room.setDraft(event.target.value)} /></form>
    </main>
  )
}

function Line({ room, message }: { room: Room; message: Message }): ReactElement {
  const author = useUser(message.by)
  return (
    <p style={{ opacity: message.state === "sending" ? 0.5 : 1 }}>
      <b>{author?.display_name ?? "…"}</b> {message.text}
      {message.state === "failed" && <button onClick={() => room.retry(message.key)}>{message.error?.detail} Again?</button>}
    </p>
  )
}
