// Package powercut runs a program and kills it at a chosen step, as a power cut
// would: a step is a system call that changes a file or sends something. The
// program knows nothing of it, so that what is tried is what is shipped. Lock files
// count for nothing, and neither does what programs do that it starts.
package powercut

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"unsafe"
)

// Outcome is how a run ended.
type Outcome struct {
	Killed bool
	At     string // the step that was not taken any more, in words; empty unless killed
	Steps  int    // how many were counted
	Code   int    // of the exit; -1 when killed
	Out    string // what the program wrote to its standard streams; empty where cmd says where to write
}

// Run starts cmd, which must be fresh, and kills it with everything it started
// when it is about to take step at, counted from 1; 0 lets it come to its end. An
// error means that nothing was tried, for example because ptrace is forbidden.
func Run(cmd *exec.Cmd, at int) (Outcome, error) {
	type answer struct {
		o   Outcome
		err error
	}
	done := make(chan answer)
	go func() {
		runtime.LockOSThread() // one thread traces; it ends with this goroutine
		o, err := run(cmd, at)
		done <- answer{o, err}
	}()
	a := <-done
	return a.o, a.err
}

func run(cmd *exec.Cmd, at int) (o Outcome, err error) {
	var out bytes.Buffer
	if cmd.Stdout == nil && cmd.Stderr == nil {
		cmd.Stdout, cmd.Stderr = &out, &out
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return o, fmt.Errorf("powercut: %w", err)
	}
	pid := cmd.Process.Pid
	t := tracer{pid: pid, at: at}
	o, err = t.follow()
	if err != nil || o.Killed {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
	_ = cmd.Wait() // follow has reaped it; this waits for what it wrote
	o.Out = out.String()
	return o, err
}

// tracer follows the threads of one program.
type tracer struct {
	pid, at int
	o       Outcome
}

const (
	exitKill        = 0x100000 // PTRACE_O_EXITKILL
	syscallInfo     = 0x420e   // PTRACE_GET_SYSCALL_INFO
	entry           = 1        // PTRACE_SYSCALL_INFO_ENTRY
	syscallStopMark = 0x80
)

func (t *tracer) follow() (Outcome, error) {
	var ws syscall.WaitStatus
	if _, err := syscall.Wait4(t.pid, &ws, 0, nil); err != nil {
		return t.o, fmt.Errorf("powercut: %w", err)
	}
	const options = syscall.PTRACE_O_TRACESYSGOOD | syscall.PTRACE_O_TRACECLONE | exitKill
	if err := syscall.PtraceSetOptions(t.pid, options); err != nil {
		return t.o, fmt.Errorf("powercut: %w", err)
	}
	for thread := t.pid; ; {
		signal := 0
		switch stop := ws.StopSignal(); {
		case !ws.Stopped(): // a thread ended; nothing waits for an answer
			thread = 0
		case stop == syscall.SIGTRAP|syscallStopMark:
			if step := t.step(thread); step != "" && !t.o.Killed {
				if t.o.Steps++; t.o.Steps == t.at {
					t.o.Killed, t.o.At = true, step
					_ = syscall.Kill(-t.pid, syscall.SIGKILL)
				}
			}
		case stop != syscall.SIGTRAP && stop != syscall.SIGSTOP:
			signal = int(stop)
		}
		if thread != 0 {
			_ = syscall.PtraceSyscall(thread, signal) // a thread that was killed says no
		}
		var err error
		if thread, err = syscall.Wait4(-t.pid, &ws, syscall.WALL, nil); err != nil {
			return t.o, fmt.Errorf("powercut: %w", err)
		}
		if thread == t.pid && (ws.Exited() || ws.Signaled()) {
			t.o.Code = ws.ExitStatus()
			return t.o, nil
		}
	}
}

// step says in words what a thread is about to change, or "".
func (t *tracer) step(thread int) string {
	var info struct {
		op   uint8
		_    [3]uint8
		arch uint32
		_    [2]uint64 // instruction and stack pointer
		nr   uint64
		args [6]uint64
		_    [8]uint64
	}
	_, _, failed := syscall.Syscall6(syscall.SYS_PTRACE, syscallInfo, uintptr(thread), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if failed != 0 || info.op != entry {
		return ""
	}
	switch info.nr {
	case syscall.SYS_OPENAT:
		path := t.text(thread, info.args[1])
		if info.args[2]&(syscall.O_CREAT|syscall.O_TRUNC) == 0 || strings.HasSuffix(path, ".lock") || strings.HasPrefix(path, "/dev/") {
			return ""
		}
		return "create " + path
	case syscall.SYS_WRITE, syscall.SYS_PWRITE64:
		to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", thread, info.args[0]))
		if err != nil || strings.HasPrefix(to, "/dev/") || !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "socket:") {
			return ""
		}
		return fmt.Sprintf("write %d bytes to %s", info.args[2], to)
	case syscall.SYS_RENAMEAT:
		return "rename " + t.text(thread, info.args[1]) + " to " + t.text(thread, info.args[3])
	case syscall.SYS_UNLINKAT:
		return "remove " + t.text(thread, info.args[1])
	case syscall.SYS_MKDIRAT:
		return "make " + t.text(thread, info.args[1])
	}
	return ""
}

// text reads a path from the memory of the program.
func (t *tracer) text(thread int, at uint64) string {
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", thread))
	if err != nil {
		return "?"
	}
	defer func() { _ = memory.Close() }()
	buf := make([]byte, 512)
	n, _ := memory.ReadAt(buf, int64(at)) // the end of what is mapped may come first
	path, _, _ := strings.Cut(string(buf[:n]), "\x00")
	return path
}
