//go:build !windows

package pipe_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/postern-mam/postern/internal/agent/pipe"
)

func dial(address string) (io.ReadWriteCloser, error) { return net.Dial("unix", address) }

func TestOnlyItsOwnerReachesTheSocket(t *testing.T) {
	dir := directory(t)
	l, err := pipe.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	path, _ := pipe.Address(dir)
	for at, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(at); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", at, info.Mode(), err, want)
		}
	}
}
