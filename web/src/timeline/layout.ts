/**
 * Layout knows where each row of a long list is: measured heights where there are some, a guess elsewhere. Rows are told apart by key,
 * so a height is kept when rows come or go around it. All lengths are CSS pixels.
 */
export class Layout {
  private readonly measured = new Map<string, number>()
  private guessed = new Map<string, number>()
  private keys: readonly string[] = []
  private tops = new Float64Array(1)
  private places: Map<string, number> | undefined

  /** set takes the rows as they are now; guess answers the height of a row that was never measured. */
  set(keys: readonly string[], guess: (index: number) => number): void {
    const before = this.guessed
    this.guessed = new Map()
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      if (!this.measured.has(key)) this.guessed.set(key, before.get(key) ?? guess(i))
    }
    this.keys = keys
    this.places = undefined
    this.place()
  }

  /** measure notes a row's height and answers whether it is news. `place` must follow before positions are asked again. */
  measure(key: string, height: number): boolean {
    const known = this.measured.get(key)
    if (known !== undefined && Math.abs(known - height) < 0.5) return false
    this.measured.set(key, height)
    return true
  }

  /** forget takes measurements for guesses from now on, when rows became wider or narrower. */
  forget(): void {
    for (const [key, height] of this.measured) this.guessed.set(key, height)
    this.measured.clear()
  }

  /** place works out positions after measurements. */
  place(): void {
    const { keys } = this
    const tops = this.tops.length === keys.length + 1 ? this.tops : new Float64Array(keys.length + 1)
    for (let i = 0, top = 0; i < keys.length; i++) tops[i + 1] = top += this.measured.get(keys[i]!) ?? this.guessed.get(keys[i]!) ?? 0
    this.tops = tops
  }

  get length(): number { return this.keys.length }
  get total(): number { return this.tops[this.keys.length]! }

  top(index: number): number { return this.tops[Math.max(0, Math.min(index, this.keys.length))]! }
  height(index: number): number { return this.top(index + 1) - this.top(index) }
  key(index: number): string | undefined { return this.keys[index] }

  /** index is where a row is, or -1. */
  index(key: string): number {
    this.places ??= new Map(this.keys.map((k, i) => [k, i]))
    return this.places.get(key) ?? -1
  }

  /** at is the row that covers a position; positions outside answer the first or the last row. */
  at(y: number): number {
    let low = 0
    let high = this.keys.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.tops[middle]! <= y) low = middle
      else high = middle - 1
    }
    return Math.max(0, low)
  }

  /** range is the rows, [start, end), that touch the part of the list from `top` on, and `spare` pixels more on either side. */
  range(top: number, height: number, spare: number): [number, number] {
    if (this.keys.length === 0) return [0, 0]
    return [this.at(top - spare), this.at(top + height + spare) + 1]
  }
}
