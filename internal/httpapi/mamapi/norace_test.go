//go:build !race

package mamapi_test

// slower: without the race detector nothing is slower.
const slower = 1
