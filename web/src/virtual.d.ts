/** gemoji's list: per group, a line for each emoji: the emoji, its codes, words to find it by; separated by tabs. */
declare module 'virtual:emoji' {
  const lists: Record<string, string>
  export default lists
}
