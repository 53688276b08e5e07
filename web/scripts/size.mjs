// Fails when all that the app ships is more than the budget: scripts, styles, icons, emoji and texts, gzipped.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const budget = 120_000
const dist = fileURLToPath(new URL('../dist', import.meta.url))
const files = readdirSync(dist, { recursive: true }).map(String).filter(name => statSync(join(dist, name)).isFile())
const sizes = files.map(name => [name, gzipSync(readFileSync(join(dist, name)), { level: 9 }).length]).sort((a, b) => b[1] - a[1])
for (const [name, size] of sizes) console.log(`${String(size).padStart(7)}  ${name}`)
const total = sizes.reduce((sum, [, size]) => sum + size, 0)
console.log(`${String(total).padStart(7)}  of ${budget} bytes, gzipped`)
if (total > budget) process.exitCode = 1
