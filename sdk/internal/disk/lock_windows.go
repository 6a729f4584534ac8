package disk

import (
	"os"
	"path/filepath"
	"syscall"
	"unsafe"
)

// Lock makes this process the only one that holds name in dir, waiting for
// another. The system releases it when the process dies.
func Lock(dir, name string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	const exclusive = 2 // LOCKFILE_EXCLUSIVE_LOCK
	var at syscall.Overlapped
	ok, _, err := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx").Call(f.Fd(), exclusive, 0, 1, 0, uintptr(unsafe.Pointer(&at)))
	if ok == 0 {
		_ = f.Close()
		return nil, &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return func() { _ = f.Close() }, nil
}
