/** gemoji's list, by group in Unicode's order: emoji, their codes, words to find them by; entries apart by commas. How an emoji is written: vite.config.ts. */
declare module 'virtual:emoji' {
  const groups: [emoji: string, codes: string, words: string][]
  export default groups
}
