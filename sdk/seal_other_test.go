//go:build !windows

package sdk_test

// holders is what may hold a device key here.
func holders() []string { return []string{"software"} }
