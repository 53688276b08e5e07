/** Logo is Parley's mark: a speech bubble with two lines. */
export function Logo({ size = 32 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <path fill="#0d7c66" d="M6 4h20a4 4 0 0 1 4 4v11a4 4 0 0 1-4 4H15l-7 6v-6H6a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z" />
      <path stroke="#fff" stroke-width="2.4" stroke-linecap="round" d="M9 11h14M9 16h9" />
    </svg>
  )
}
