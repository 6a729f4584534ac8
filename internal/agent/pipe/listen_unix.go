//go:build !windows

package pipe

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// errStranger refuses one connection, and no other.
var errStranger = errors.New("pipe: a program of somebody else was turned away")

// ErrTaken says that another agent of the person serves apps already.
var ErrTaken = errors.New("another agent serves the apps of this person already")

// Address is where the agent whose directory is dir serves.
func Address(dir string) (string, error) { return filepath.Join(dir, "pipe", "agent.sock"), nil }

// Listen opens the socket of the agent whose directory is dir, for the same person
// alone. The end of the process frees it, however it ends.
func Listen(dir string) (net.Listener, error) {
	path, err := Address(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(filepath.Dir(path), 0o700); err != nil { // #nosec G302 -- a directory
		return nil, err
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { // #nosec G115 -- a descriptor
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrTaken
		}
		return nil, errors.Join(err, lock.Close())
	}
	_ = os.Remove(path) // of an agent that was killed; we hold the lock
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the socket %s cannot be opened; a shorter directory may help: %w", path, err), lock.Close())
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close(), lock.Close())
	}
	return &listener{Listener: l, lock: lock}, nil
}

type listener struct {
	net.Listener
	lock *os.File
	once sync.Once
}

// Accept returns the next connection of the same person.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if err := ours(c); err != nil {
		return nil, errors.Join(errStranger, err, c.Close())
	}
	return c, nil
}

// Close ends the listening, and frees the place for another agent before it returns.
func (l *listener) Close() (err error) {
	l.once.Do(func() { err = errors.Join(l.Listener.Close(), l.lock.Close()) })
	return err
}
