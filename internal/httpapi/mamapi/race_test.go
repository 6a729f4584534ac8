//go:build race

package mamapi_test

// slower: the race detector makes everything slower by about that factor.
const slower = 10
