// Bundles the client into one file for pages without a build step, dist/parley.min.js. With --size it writes nothing and fails when the
// bundle has become larger than what is promised.
import { build } from 'esbuild'
import { gzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'

const promised = 15_000 // bytes, gzipped

const here = fileURLToPath(new URL('..', import.meta.url))
const size = process.argv.includes('--size')
const { outputFiles } = await build({
  absWorkingDir: here, entryPoints: ['src/index.ts'], outfile: 'dist/parley.min.js', bundle: true, minify: true, format: 'esm',
  target: 'es2022', write: false, legalComments: 'none',
})
const [{ contents, path }] = outputFiles
const gzipped = gzipSync(contents, { level: 9 }).length
console.log(`${gzipped} bytes gzipped (${contents.length} bytes minified), at most ${promised}`)
if (gzipped > promised) {
  console.error('the client is larger than promised')
  process.exitCode = 1
}
if (!size) {
  const { mkdir, writeFile } = await import('node:fs/promises')
  await mkdir(new URL('../dist', import.meta.url), { recursive: true })
  await writeFile(path, contents)
}
