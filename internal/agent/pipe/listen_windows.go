package pipe

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"
)

// errStranger refuses one connection, and no other. Windows turns strangers away
// by itself.
var errStranger = errors.New("pipe: a program of somebody else was turned away")

// ErrTaken says that the name of the pipe is taken: by another agent of the person,
// or by a program that wants to be taken for it.
var ErrTaken = errors.New("another program serves the apps of this person already")

const bufferBytes = 64 << 10

func user() (string, error) {
	who, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", err
	}
	return who.User.Sid.String(), nil
}

// Address is the name of the person's pipe; dir does not matter here.
func Address(string) (string, error) {
	sid, err := user()
	return `\\.\pipe\postern-agent-` + sid, err
}

// Listen opens the person's pipe, for the same person on this PC alone. Nobody may
// have a pipe of that name before (FILE_FLAG_FIRST_PIPE_INSTANCE).
func Listen(dir string) (net.Listener, error) {
	name, err := Address(dir)
	if err != nil {
		return nil, err
	}
	sid, err := user()
	if err != nil {
		return nil, err
	}
	guard, err := windows.SecurityDescriptorFromString("O:" + sid + "D:P(A;;GA;;;" + sid + ")")
	if err != nil {
		return nil, err
	}
	only, err := alone(sid)
	if err != nil {
		return nil, err
	}
	stop, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return nil, errors.Join(err, windows.CloseHandle(only))
	}
	l := &listener{name: name, guard: guard, stop: stop, only: only}
	if l.next, err = l.instance(windows.FILE_FLAG_FIRST_PIPE_INSTANCE); err != nil {
		_, _ = windows.CloseHandle(stop), windows.CloseHandle(only)
		if errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_PIPE_BUSY) {
			err = ErrTaken
		}
		return nil, err
	}
	return l, nil
}

// alone keeps a second agent of the person away, also where the pipe does not
// (Wine 8 takes no notice of FILE_FLAG_FIRST_PIPE_INSTANCE). The end of the process
// frees it.
func alone(sid string) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(`Global\postern-agent-` + sid)
	if err != nil {
		return 0, err
	}
	h, err := windows.CreateMutex(nil, false, name)
	if errors.Is(err, windows.ERROR_ALREADY_EXISTS) {
		return 0, errors.Join(ErrTaken, windows.CloseHandle(h))
	}
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		err = ErrTaken
	}
	return h, err
}

// listener accepts connections for one goroutine.
type listener struct {
	name  string
	guard *windows.SECURITY_DESCRIPTOR
	stop  windows.Handle // an event: Accept ends
	only  windows.Handle // a mutex: there is no other agent

	mu     sync.Mutex // held by Accept
	next   windows.Handle
	once   sync.Once
	closed bool
}

// instance makes one more end of the pipe.
func (l *listener) instance(flags uint32) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(l.name)
	if err != nil {
		return 0, err
	}
	sa := &windows.SecurityAttributes{SecurityDescriptor: l.guard}
	sa.Length = uint32(unsafe.Sizeof(*sa))
	h, err := windows.CreateNamedPipe(name, windows.PIPE_ACCESS_DUPLEX|windows.FILE_FLAG_OVERLAPPED|flags,
		windows.PIPE_TYPE_BYTE|windows.PIPE_READMODE_BYTE|windows.PIPE_WAIT|windows.PIPE_REJECT_REMOTE_CLIENTS,
		windows.PIPE_UNLIMITED_INSTANCES, bufferBytes, bufferBytes, 0, sa)
	if err != nil {
		return 0, fmt.Errorf("the pipe %s cannot be opened: %w", l.name, err)
	}
	return h, nil
}

// Accept returns the next connection. The next end of the pipe exists before it
// returns, so that the name is never free.
func (l *listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, net.ErrClosed
	}
	if l.next == 0 {
		var err error
		if l.next, err = l.instance(0); err != nil {
			return nil, err
		}
	}
	if err := l.connect(l.next); err != nil {
		return nil, err
	}
	h := l.next
	l.next = 0
	f := os.NewFile(uintptr(h), l.name) // the runtime waits for its reads and writes
	var err error
	if l.next, err = l.instance(0); err != nil {
		l.next = 0
		return nil, errors.Join(err, f.Close())
	}
	return &conn{f}, nil
}

// connect waits for a program at h, or for Close. Windows writes to the OVERLAPPED
// until it says that the operation has ended: it stays where it is until then.
func (l *listener) connect(h windows.Handle) error {
	event, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(event) }()
	o := &windows.Overlapped{HEvent: event}
	var pin runtime.Pinner
	pin.Pin(o)
	defer pin.Unpin()
	switch err := windows.ConnectNamedPipe(h, o); {
	case err == nil || errors.Is(err, windows.ERROR_PIPE_CONNECTED):
		return nil
	case errors.Is(err, windows.ERROR_NO_DATA): // it came and went
		return windows.DisconnectNamedPipe(h)
	case !errors.Is(err, windows.ERROR_IO_PENDING):
		return err
	}
	which, err := windows.WaitForMultipleObjects([]windows.Handle{event, l.stop}, false, windows.INFINITE)
	var n uint32
	if err != nil || which != windows.WAIT_OBJECT_0 {
		_ = windows.CancelIoEx(h, o)                    // it may have ended meanwhile
		_ = windows.GetOverlappedResult(h, o, &n, true) // and now it has
		return errors.Join(err, net.ErrClosed)
	}
	return windows.GetOverlappedResult(h, o, &n, true)
}

// Close ends Accept. Connections stay.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		err = windows.SetEvent(l.stop)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.closed = true
		if l.next != 0 {
			err = errors.Join(err, windows.CloseHandle(l.next))
		}
		err = errors.Join(err, windows.CloseHandle(l.stop), windows.CloseHandle(l.only))
	})
	return err
}

// Addr is the name of the pipe.
func (l *listener) Addr() net.Addr { return address(l.name) }

type address string

func (address) Network() string  { return "pipe" }
func (a address) String() string { return string(a) }

// conn is one end of the pipe with a program at the other.
type conn struct{ *os.File }

// LocalAddr is the name of the pipe.
func (c *conn) LocalAddr() net.Addr { return address(c.Name()) }

// RemoteAddr is the name of the pipe: programs have none.
func (c *conn) RemoteAddr() net.Addr { return address(c.Name()) }
