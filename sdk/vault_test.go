package sdk_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/sdk/internal/disk"
	"github.com/postern-mam/postern/wire"
)

// kept reads everything of the sealed store as it lies on disk, by path.
func (p *pc) kept() map[string][]byte {
	p.t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "organization", "*"))
	must(p.t, err)
	all := map[string][]byte{}
	for _, path := range append(files, filepath.Join(p.dir, "organization.key")) {
		doc, err := os.ReadFile(path)
		must(p.t, err)
		all[path] = doc
	}
	return all
}

// putBack writes what kept returned, except for the key unless asked for.
func (p *pc) putBack(all map[string][]byte, key bool) {
	p.t.Helper()
	must(p.t, os.MkdirAll(filepath.Join(p.dir, "organization"), 0o700))
	for path, doc := range all {
		if key || filepath.Base(path) != "organization.key" {
			must(p.t, os.WriteFile(path, doc, 0o600))
		}
	}
}

// nothingLeft fails when anything of the sealed store is still on disk.
func (p *pc) nothingLeft() {
	p.t.Helper()
	if left, err := filepath.Glob(filepath.Join(p.dir, "organization*")); err != nil || len(left) != 0 {
		p.t.Errorf("left: %v, %v", left, err)
	}
}

func TestWhatIsSavedIsLoadedAlsoAfterARestart(t *testing.T) {
	p := newPC(t)
	v := p.enrolled().Vault()
	if _, err := v.Load("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, want := range [][]byte{[]byte("alpha"), {}, bytes.Repeat([]byte("x"), 1<<20)} {
		must(t, v.Save("a", want))
		if got, err := p.start().Vault().Load("a"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back as %d, %v", len(want), len(got), err)
		}
	}
	for path, doc := range p.kept() {
		if bytes.Contains(doc, []byte("xxxx")) || filepath.Base(path) == "a" {
			t.Errorf("%s tells what is in it", path)
		}
	}
}

func TestAFileOpensUnderItsOwnNameAlone(t *testing.T) {
	p := newPC(t)
	v := p.enrolled().Vault()
	must(t, v.Save("a", []byte("alpha")))
	must(t, v.Save("b", []byte("beta")))
	var paths []string
	all := p.kept()
	for path := range all {
		if filepath.Base(path) != "organization.key" {
			paths = append(paths, path)
		}
	}
	must(t, os.WriteFile(paths[0], all[paths[1]], 0o600))
	must(t, os.WriteFile(paths[1], all[paths[0]], 0o600))
	for _, name := range []string{"a", "b"} {
		if got, err := v.Load(name); err == nil {
			t.Errorf("%s was swapped for %q", name, got)
		}
	}
	p.putBack(all, true)
	if got, err := v.Load("a"); err != nil || string(got) != "alpha" {
		t.Errorf("back in its place: %q, %v", got, err)
	}
}

func TestADamagedFileIsRefused(t *testing.T) {
	p := newPC(t)
	v := p.enrolled().Vault()
	must(t, v.Save("a", []byte("alpha")))
	for path, good := range p.kept() {
		if filepath.Base(path) == "organization.key" {
			continue
		}
		damaged := [][]byte{append(bytes.Clone(good), 0)}
		for i := range good {
			flipped := bytes.Clone(good)
			flipped[i] ^= 1
			damaged = append(damaged, flipped, good[:i])
		}
		for i, doc := range damaged {
			must(t, os.WriteFile(path, doc, 0o600))
			if got, err := v.Load("a"); err == nil {
				t.Errorf("damage %d: %q", i, got)
			}
		}
		must(t, os.WriteFile(path, good, 0o600))
	}
	if _, err := v.Load("a"); err != nil {
		t.Errorf("undamaged again: %v", err)
	}
}

func TestADamagedKeyOpensAndSealsNothing(t *testing.T) {
	p, c := plans(t)
	key := filepath.Join(p.dir, "organization.key")
	must(t, os.WriteFile(key, []byte("short"), 0o600))
	if _, err := c.Vault().Load("plans"); err == nil {
		t.Error("loaded")
	}
	if err := c.Vault().Save("plans", nil); err == nil {
		t.Error("saved")
	}
}

func TestAWipeOutlivesCopiesOfTheCiphertext(t *testing.T) {
	p, c := plans(t)
	v, copies := c.Vault(), p.kept()
	must(t, v.Wipe())
	p.nothingLeft()
	if _, err := v.Load("plans"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the wipe: %v", err)
	}
	p.putBack(copies, false)
	if got, err := v.Load("plans"); !errors.Is(err, sdk.ErrWiped) {
		t.Errorf("the ciphertext came back: %q, %v", got, err)
	}
	must(t, v.Save("new", []byte("fresh"))) // under a new key
	if got, err := v.Load("plans"); err == nil {
		t.Errorf("the new key opens the old file: %q", got)
	}
	if got, err := v.Load("new"); err != nil || string(got) != "fresh" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAWipeMayBeRepeatedAndResumed(t *testing.T) {
	p, c := plans(t)
	v, before := c.Vault(), p.kept()
	key := filepath.Join(p.dir, "organization.key")
	for name, cutShort := range map[string]func(){
		"before it began":           func() {},
		"with the key overwritten":  func() { must(t, os.WriteFile(key, make([]byte, len(before[key])), 0o600)) },
		"with the key gone":         func() { must(t, os.Remove(key)) },
		"with everything gone":      func() { must(t, os.Remove(key)); must(t, disk.RemoveAll(filepath.Join(p.dir, "organization"))) },
		"with the directory broken": func() { must(t, os.WriteFile(filepath.Join(p.dir, "organization", "stray"), nil, 0o600)) },
	} {
		p.putBack(before, true)
		if _, err := v.Load("plans"); err != nil {
			t.Fatalf("control: %v", err)
		}
		cutShort()
		for range 2 {
			if err := v.Wipe(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			p.nothingLeft()
		}
	}
}

// A wipe overwrites its key before it removes it. Cut short in between, it
// leaves zeros, which are a key as good as any other, and known to everybody.
func TestAnOverwrittenKeyIsNoKey(t *testing.T) {
	p, c := plans(t)
	key := filepath.Join(p.dir, "organization.key")
	zeros := make([]byte, len(p.kept()[key]))
	must(t, os.WriteFile(key, zeros, 0o600))
	if _, err := c.Vault().Load("plans"); !errors.Is(err, sdk.ErrWiped) {
		t.Errorf("load: %v", err)
	}
	must(t, c.Vault().Save("plans", []byte("again")))
	if bytes.Equal(p.kept()[key], zeros) {
		t.Error("a file is sealed with a key of zeros")
	}
}

func TestTheVaultOpensOnlyWhileAccessIsAllowed(t *testing.T) {
	p, c := plans(t)
	v := c.Vault()
	for _, action := range []string{"allow", "block", "warn", "wipe", "allow"} {
		p.result.Action = action
		_, err := c.CheckIn(t.Context())
		must(t, err)
		allowed := action == "allow" || action == "warn"
		if err := v.Save("a", nil); (err == nil) != allowed {
			t.Errorf("%s: save: %v", action, err)
		}
		if _, err := v.Load("plans"); (err == nil) != allowed {
			t.Errorf("%s: load: %v", action, err)
		}
	}
	p.refuse["/check-in"] = problem(403, wire.Problem{Code: "registrationEnded", Detail: "This registration has ended"})
	_, _ = c.CheckIn(t.Context())
	if _, err := v.Load("plans"); err == nil {
		t.Error("a registration that ended still reads")
	}
	if err := newPC(t).start().Vault().Save("a", nil); err == nil {
		t.Error("saved before anybody enrolled")
	}
}
