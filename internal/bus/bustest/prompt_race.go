//go:build race

package bustest

// slowed is how many times slower everything is.
const slowed = 5
