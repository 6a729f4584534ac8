package sealing_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/postern-mam/postern/sdk/internal/disk"
	"github.com/postern-mam/postern/sdk/internal/sealing"
)

// guard shows what went through it, and may be broken.
type guard struct{ broken error }

func (g guard) Protect(plain, context []byte) ([]byte, error) {
	return append(bytes.Clone(context), plain...), g.broken
}

func (g guard) Unprotect(sealed, context []byte) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, context)
	if !ok {
		return nil, errors.New("another context")
	}
	return plain, g.broken
}

// directory is like T.TempDir, and goes where os.RemoveAll does not work (Wine).
func directory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postern-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := disk.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

const key = "-----BEGIN EC PRIVATE KEY-----"

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsSealedOpensUnderItsNameAlone(t *testing.T) {
	s := sealing.New(guard{}, "dpapi")
	if s.Protection() != "dpapi" {
		t.Errorf("protection is %q", s.Protection())
	}
	for _, plain := range []string{"", key} {
		sealed, err := s.Seal("device.key", []byte(plain))
		must(t, err)
		if got, err := s.Open("device.key", sealed); err != nil || string(got) != plain {
			t.Errorf("%q, %v", got, err)
		}
		if got, err := s.Open("state.json", sealed); err == nil {
			t.Errorf("it opens under another name: %q", got)
		}
	}
}

func TestAFileFromBeforeOpensAndIsSealedOnce(t *testing.T) {
	s, dir := sealing.New(guard{}, "dpapi"), directory(t)
	path := filepath.Join(dir, "device.key")
	must(t, s.Upgrade(dir, "device.key")) // there is none
	must(t, os.WriteFile(path, []byte(key), 0o600))
	if got, err := s.Open("device.key", []byte(key)); err != nil || string(got) != key {
		t.Errorf("%q, %v", got, err)
	}
	var first []byte
	for range 2 {
		must(t, s.Upgrade(dir, "device.key"))
		doc, err := os.ReadFile(path)
		must(t, err)
		if first == nil {
			first = doc
		}
		if !bytes.Equal(doc, first) || bytes.HasPrefix(doc, []byte(key)) {
			t.Errorf("on disk: %q", doc)
		}
		if got, err := s.Open("device.key", doc); err != nil || string(got) != key {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestAnOverwrittenKeyIsNotSealed(t *testing.T) {
	s, dir := sealing.New(guard{}, "dpapi"), directory(t)
	path := filepath.Join(dir, "organization.key")
	for _, zeros := range [][]byte{{}, make([]byte, 32)} {
		must(t, os.WriteFile(path, zeros, 0o600))
		must(t, s.Upgrade(dir, "organization.key"))
		if doc, err := os.ReadFile(path); err != nil || !bytes.Equal(doc, zeros) {
			t.Errorf("%q, %v", doc, err)
		}
	}
}

func TestABrokenGuardLosesNothing(t *testing.T) {
	dir, no := directory(t), errors.New("no")
	path := filepath.Join(dir, "device.key")
	must(t, os.WriteFile(path, []byte(key), 0o600))
	s := sealing.New(guard{no}, "dpapi")
	if err := s.Upgrade(dir, "device.key"); !errors.Is(err, no) {
		t.Errorf("upgrade: %v", err)
	}
	if doc, err := os.ReadFile(path); err != nil || string(doc) != key {
		t.Errorf("%q, %v", doc, err)
	}
	sealed, err := sealing.New(guard{}, "dpapi").Seal("a", nil)
	must(t, err)
	if _, err := s.Open("a", sealed); !errors.Is(err, no) {
		t.Errorf("open: %v", err)
	}
	must(t, os.Mkdir(filepath.Join(dir, "state.json"), 0o700))
	if err := s.Upgrade(dir, "state.json"); err == nil {
		t.Error("a directory was sealed")
	}
}
