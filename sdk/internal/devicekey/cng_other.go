//go:build !windows

package devicekey

// System returns the stores of this system: none that this kit knows.
func System() []Store { return nil }
