let last = 0
let count = 0

/** A UUID of version 7. Those that one program makes are in the order in which it made them. */
export function uuid(): string {
  const now = Date.now()
  // RFC 9562, 6.2, method 1: within a millisecond, or when the clock went back, a counter in the twelve bits after the time.
  if (now > last) [last, count] = [now, Math.floor(Math.random() * 0x400)]
  else if (++count > 0xfff) [last, count] = [last + 1, 0]
  const random = crypto.getRandomValues(new Uint8Array(8))
  random[0] = (random[0]! & 0x3f) | 0x80
  const hex = last.toString(16).padStart(12, "0") + "7" + count.toString(16).padStart(3, "0") +
    Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
}
