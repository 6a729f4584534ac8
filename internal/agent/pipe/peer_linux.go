package pipe

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// ours fails for a program of another user, root's as well (SO_PEERCRED, unix(7)).
func ours(c net.Conn) error {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return errors.New("not a Unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return err
	}
	var who *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		who, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED) // #nosec G115 -- a descriptor
	})
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	if int(who.Uid) != os.Getuid() {
		return fmt.Errorf("its user is %d", who.Uid)
	}
	return nil
}
