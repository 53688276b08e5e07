import { fileURLToPath } from 'node:url'
import { createHash } from 'node:crypto'
import { defineConfig, type Plugin } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The fields of gemoji's list that the picker uses: group, name, short codes and words to find it by. */
function emojiList(): Plugin {
  const name = 'virtual:emoji'
  return {
    name: 'parley-emoji',
    resolveId: id => id === name ? `\0${name}` : undefined,
    async load(id) {
      if (id !== `\0${name}`) return undefined
      const { gemoji } = await import('gemoji')
      const groups: Record<string, string> = {}
      for (const { emoji, category, names, tags } of gemoji) {
        const line = [emoji, names.join(' '), tags.join(' ')].join('\t').trimEnd()
        groups[category] = groups[category] ? `${groups[category]}\n${line}` : line
      }
      return `export default ${JSON.stringify(groups)}`
    },
  }
}

/** Tells the service worker which files make up this build, so that a new build is a new worker. */
function workerAssets(): Plugin {
  return {
    name: 'parley-worker-assets',
    generateBundle(_, bundle) {
      const worker = bundle['sw.js']
      if (worker?.type !== 'chunk') return
      const files = Object.keys(bundle).filter(name => name.startsWith('_parley/')).sort().map(name => `/${name}`)
      const version = createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 12)
      worker.code = worker.code.replace('__ASSETS__', JSON.stringify(files)).replace('__VERSION__', JSON.stringify(version))
    },
  }
}

export default defineConfig({
  plugins: [emojiList(), workerAssets()],
  resolve: { alias: { '@parley/client': here('../clients/js/src/index.ts') } },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    assetsDir: '_parley',
    target: ['chrome123', 'firefox121', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { app: here('index.html'), sw: here('src/offline/sw.ts') },
      output: {
        entryFileNames: chunk => chunk.name === 'sw' ? 'sw.js' : '_parley/[name]-[hash].js',
        chunkFileNames: '_parley/[name]-[hash].js',
        assetFileNames: '_parley/[name]-[hash][extname]',
      },
    },
  },
  server: { proxy: { '/v1': { target: process.env.PARLEY ?? 'http://127.0.0.1:8080', ws: true } } },
})
