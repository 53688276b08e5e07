import { fileURLToPath } from 'node:url'
import { createHash } from 'node:crypto'
import { defineConfig, type Plugin } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/**
 * What the picker uses of gemoji's list: by group the emoji, their short codes, and further words to find them by. An emoji is
 * written as the distance of its first code point from the one before, then its other code points, which packs to half of itself.
 */
function emojiList(): Plugin {
  const name = 'virtual:emoji'
  return {
    name: 'parley-emoji',
    resolveId: id => id === name ? `\0${name}` : undefined,
    async load(id) {
      if (id !== `\0${name}`) return undefined
      const { gemoji } = await import('gemoji')
      const groups = [...new Set(gemoji.map(({ category }) => category))].map(group => {
        const list = gemoji.filter(({ category }) => category === group)
        return [
          distances(list.map(({ emoji }) => emoji)),
          list.map(({ names }) => names.join(' ')).join(),
          list.map(({ names, tags }) => tags.filter(tag => !names.some(name => name.includes(tag))).join(' ')).join(),
        ]
      })
      return `export default ${JSON.stringify(groups)}`
    },
  }
}

function distances(emoji: string[]): string {
  let before = 0
  return emoji.map(each => {
    const [first = 0, ...others] = Array.from(each, character => character.codePointAt(0)!)
    const distance = first - before
    before = first
    return [distance, ...others].map(number => number.toString(36)).join('.')
  }).join()
}

/** Tells the service worker which files make up this build, so that a new build is a new worker. */
function workerAssets(): Plugin {
  return {
    name: 'parley-worker-assets',
    generateBundle: {
      order: 'post', // after Vite has dropped the chunks that are only a style
      handler(_, bundle) {
        const worker = bundle['sw.js']
        if (worker?.type !== 'chunk') return
        const files = Object.keys(bundle).filter(name => name.startsWith('_parley/')).sort().map(name => `/${name}`)
        const version = createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 12)
        worker.code = worker.code.replace('__ASSETS__', JSON.stringify(files)).replace('__VERSION__', JSON.stringify(version))
      },
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
        // One file for what every page needs: many small ones are larger together, and slower.
        codeSplitting: { groups: [{ name: 'parley', test: /\/(clients\/js|node_modules\/(preact|@preact|marked)|web\/src\/(app\/(?!Shortcuts)|design|panel|room|rooms|text|timeline|i18n\/(index|en)|emoji\/(data|recent)))/ }] },
      },
    },
  },
  server: { proxy: { '/v1': { target: process.env.PARLEY ?? 'http://127.0.0.1:8080', ws: true } } },
})
