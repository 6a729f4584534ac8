package pipe_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/agent/pipe"
)

// directory is like T.TempDir, short enough for a socket, and goes where
// os.RemoveAll does not work (Wine).
func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "p-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, left := range []string{"/pipe/agent.sock", "/pipe/agent.sock.lock", "/pipe", ""} {
			_ = os.Remove(dir + left)
		}
	})
	return dir
}

func TestTwentyProgramsAtTheSameTime(t *testing.T) {
	d, dir := open(t), directory(t)
	l, err := pipe.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.Listen(dir); !errors.Is(err, pipe.ErrTaken) {
		t.Errorf("a second agent: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(ctx, l) }()
	address, err := pipe.Address(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for n := range 20 {
		all.Go(func() {
			c, err := dial(address)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			if err := talk(c, 20); err != nil {
				t.Errorf("program %d: %v", n, err)
			}
		})
	}
	all.Wait()
	waiting, err := dial(address) // says nothing, and must not keep the agent
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case err := <-served:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
	if _, err := io.ReadAll(waiting); err != nil && !strings.Contains(err.Error(), "ended") && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
	_ = waiting.Close()
	again, err := pipe.Listen(dir)
	if err != nil {
		t.Fatalf("the place is not free: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if _, err := again.Accept(); err == nil {
		t.Error("a closed one accepts")
	}
}

// talk says hello and asks so many questions.
func talk(c io.ReadWriter, questions int) error {
	if _, err := io.WriteString(c, hello+"\n"); err != nil {
		return err
	}
	in := bufio.NewScanner(c)
	for n := range questions + 1 {
		want := `"type":"state"`
		if n > 0 {
			want = fmt.Sprintf(`"id":"%d","allowed":true`, n)
			if _, err := fmt.Fprintf(c, `{"type":"may","id":"%d","transfer":"print"}`+"\n", n); err != nil {
				return err
			}
		}
		if !in.Scan() || !strings.Contains(in.Text(), want) {
			return fmt.Errorf("heard %q, %w; want %s", in.Text(), in.Err(), want)
		}
	}
	return nil
}
