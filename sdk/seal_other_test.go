//go:build !windows

package sdk_test

// system is what may hold a device key here.
func system() []string { return []string{"software"} }
