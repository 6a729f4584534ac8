//go:build !windows && !linux

package pipe

import "net"

// ours trusts the directory, which only its owner can enter.
func ours(net.Conn) error { return nil }
