package vault_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/postern-mam/postern/sdk/vault"
)

func (s *store) lists(want ...string) {
	s.t.Helper()
	if names, err := s.List(); err != nil || !slices.Equal(names, want) {
		s.t.Errorf("it lists %q, %v; want %q", names, err, want)
	}
}

func TestNamesAreListedAndNeitherNamesNorFilesLieOpen(t *testing.T) {
	s := newStore(t)
	s.lists()
	for _, name := range []string{"plan B", "budget", "plan B"} {
		if err := s.Save(name, []byte("of "+name)); err != nil {
			t.Fatal(err)
		}
	}
	s.lists("budget", "plan B")
	if err := s.Remove("budget"); err != nil {
		t.Fatal(err)
	}
	s.lists("plan B")
	if err := s.Remove("budget"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := s.Load("budget"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed, but %v", err)
	}
	all, _ := filepath.Glob(filepath.Join(s.root, "organization*", "*"))
	for _, path := range all {
		if doc, err := os.ReadFile(path); err != nil || len(all) != 2 || bytes.Contains(doc, []byte("plan B")) {
			t.Errorf("of %d files, %s holds %q, %v", len(all), path, doc, err)
		}
	}
	s.cut = errors.New("access is cut")
	if _, err := s.List(); !errors.Is(err, s.cut) {
		t.Errorf("listed while access is cut: %v", err)
	}
	if err := s.Remove("plan B"); !errors.Is(err, s.cut) {
		t.Errorf("removed while access is cut: %v", err)
	}
	s.cut = nil
	if err := s.Wipe(); err != nil {
		t.Fatal(err)
	}
	s.lists()
}

// A name that was sealed for another file, or with a key that is gone, is nobody's.
func TestANameIsOfItsFileAlone(t *testing.T) {
	s := newStore(t)
	for _, name := range []string{"a", "b"} {
		if err := s.Save(name, nil); err != nil {
			t.Fatal(err)
		}
	}
	names, _ := filepath.Glob(filepath.Join(s.root, "organization.names", "*"))
	doc, err := os.ReadFile(names[0])
	if err == nil {
		err = os.WriteFile(names[1], doc, 0o600)
	}
	if _, bad := s.List(); err != nil || bad == nil {
		t.Errorf("the name of another file is taken: %v, %v", err, bad)
	}
	for _, name := range []string{"a", "b"} { // saving again heals it
		if err := s.Save(name, nil); err != nil {
			t.Fatal(err)
		}
	}
	s.lists("a", "b")
	if err := os.WriteFile(names[0], []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(); err == nil {
		t.Error("a damaged name is taken")
	}
	if err := os.Remove(filepath.Join(s.root, vault.KeyFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(); !errors.Is(err, vault.ErrWiped) {
		t.Errorf("without the key: %v", err)
	}
}
