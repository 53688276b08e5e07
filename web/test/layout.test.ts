import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Layout } from '../src/timeline/layout.ts'

const layoutOf = (keys: string[], height = 10) => {
  const layout = new Layout()
  layout.set(keys, () => height)
  return layout
}
const named = (n: number) => Array.from({ length: n }, (_, i) => `k${i}`)

test('rows stand below each other', () => {
  const layout = layoutOf(named(4))
  assert.equal(layout.total, 40)
  assert.deepEqual([0, 1, 2, 3].map(i => layout.top(i)), [0, 10, 20, 30])
  layout.measure('k1', 25)
  layout.place()
  assert.equal(layout.top(2), 35)
  assert.equal(layout.total, 55)
  assert.equal(layout.height(1), 25)
})

test('the row at a position is the one that covers it', () => {
  const layout = layoutOf(named(3))
  assert.deepEqual([-5, 0, 9.9, 10, 29, 30, 500].map(y => layout.at(y)), [0, 0, 0, 1, 2, 2, 2])
  assert.equal(layoutOf([]).at(10), 0)
})

test('a range covers the window and what is spare, and never more than there is', () => {
  const layout = layoutOf(named(100))
  assert.deepEqual(layout.range(200, 100, 50), [15, 36])
  assert.deepEqual(layout.range(-100, 50, 0), [0, 1])
  assert.deepEqual(layout.range(5000, 100, 50), [99, 100])
  assert.deepEqual(layoutOf([]).range(0, 100, 50), [0, 0])
})

test('measured heights stay with their rows when others come before them', () => {
  const layout = layoutOf(['c', 'd'])
  layout.measure('c', 33)
  layout.place()
  layout.set(['a', 'b', 'c', 'd'], () => 10)
  assert.equal(layout.index('c'), 2)
  assert.equal(layout.top(3) - layout.top(2), 33)
  assert.equal(layout.index('z'), -1)
})

test('a guess is made once for each row, and a measurement takes its place', () => {
  const asked: number[] = []
  const layout = new Layout()
  const guess = (i: number) => { asked.push(i); return 10 }
  layout.set(['a', 'b'], guess)
  layout.set(['a', 'b', 'c'], guess)
  assert.deepEqual(asked, [0, 1, 2])
  assert.equal(layout.measure('a', 10.2), true)
  assert.equal(layout.measure('a', 10.4), false)
  layout.forget()
  assert.equal(layout.measure('a', 10.2), true)
})

test('ten thousand rows are placed and found quickly', () => {
  const layout = layoutOf(named(10_000), 48)
  for (let i = 0; i < 10_000; i += 7) layout.measure(`k${i}`, 20 + i % 90)
  layout.place()
  for (let y = 0; y < layout.total; y += 997) {
    const i = layout.at(y)
    assert.ok(layout.top(i) <= y && y < layout.top(i + 1))
  }
})
