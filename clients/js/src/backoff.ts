/** Full jitter: a random time, in milliseconds, below a bound that doubles with every attempt from half a second to 20 seconds. */
export function backoff(attempt: number): number {
  return Math.random() * Math.min(20_000, 500 * 2 ** attempt)
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
