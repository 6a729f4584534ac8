package sealing_test

import (
	"bytes"
	"testing"

	"github.com/postern-mam/postern/sdk/internal/sealing"
)

func TestWindowsSealsForThisName(t *testing.T) {
	s := sealing.System()
	if s.Protection() != "dpapi" {
		t.Errorf("protection is %q", s.Protection())
	}
	for _, plain := range [][]byte{{}, []byte(key), bytes.Repeat([]byte("x"), 1<<20)} {
		sealed, err := s.Seal("device.key", plain)
		must(t, err)
		if len(plain) > 0 && bytes.Contains(sealed, plain) {
			t.Error("it lies open")
		}
		if got, err := s.Open("device.key", sealed); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes came back as %d, %v", len(plain), len(got), err)
		}
		if got, err := s.Open("state.json", sealed); err == nil {
			t.Errorf("it opens under another name: %d bytes", len(got))
		}
	}
}
