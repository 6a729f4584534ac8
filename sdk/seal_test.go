package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/sdk/internal/disk"
	"github.com/postern-mam/postern/wire"
)

// plain is a sealer that seals nothing, for tests that look into files.
type plain struct{}

func (plain) Seal(_ string, doc []byte) ([]byte, error) { return doc, nil }
func (plain) Open(_ string, doc []byte) ([]byte, error) { return doc, nil }
func (plain) Protection() string                        { return "software" }

// directory is like T.TempDir, and goes where os.RemoveAll does not work (Wine).
func directory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postern-")
	must(t, err)
	t.Cleanup(func() {
		if err := disk.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestTheServiceIsToldWhatHoldsTheKey(t *testing.T) {
	for name, c := range map[string]struct {
		sealer sdk.Sealer
		want   []string
	}{
		"what the system offers":       {nil, holders()},
		"a sealer that the app brings": {mirror{}, []string{"tpm"}},
	} {
		p := newPC(t)
		p.sealer = c.sealer
		var told wire.RegisterDevice
		p.refuse[wire.PathDevices] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = json.NewDecoder(r.Body).Decode(&told)
			_ = json.NewEncoder(w).Encode(wire.Device{ID: "device-1"})
		})
		client := p.enrolled()
		said := []string{told.KeyProtection, client.Status().KeyProtection, client.Diagnostics(t.Context()).Facts["keyProtection"]}
		for _, s := range said {
			if !slices.Contains(c.want, s) || s != said[0] {
				t.Errorf("%s: told %q; want one of %q", name, said, c.want)
			}
		}
	}
}

// lostKey is an enrolled PC whose device key does not open any more.
func lostKey(t *testing.T) *pc {
	p, _ := plans(t)
	must(t, os.WriteFile(filepath.Join(p.dir, "device.key"), []byte(`{"name":"postern-device-X","store":"tpm","thumbprint":"gone"}`), 0o600))
	return p
}

func (p *pc) config() sdk.Config {
	return sdk.Config{Authority: p.url(), App: "com.microsoft.edge", AppVersion: "130.0", Dir: p.dir, Health: health{&p.broken}, OnWipe: p.onWipe}
}

func TestALostKeyIsSaidAndNotReplaced(t *testing.T) {
	p := lostKey(t)
	for range 2 {
		if _, err := sdk.New(p.config()); !errors.Is(err, sdk.ErrKeyLost) {
			t.Fatalf("%v", err)
		}
	}
	if len(p.kept()) != 2 {
		t.Error("files went before anybody decided so")
	}
}

func TestWhoeverGivesUpALostKeyEnrolsAgain(t *testing.T) {
	p := lostKey(t)
	called := 0
	p.onWipe = func(context.Context) []wire.WipeItem {
		called++
		p.nothingLeft() // the key and the files go first
		return []wire.WipeItem{{Name: "cache", Removed: true}}
	}
	for range 2 {
		must(t, sdk.Forget(t.Context(), p.config()))
		for _, name := range []string{"device.key", "state.json"} {
			if _, err := os.Stat(filepath.Join(p.dir, name)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is left: %v", name, err)
			}
		}
	}
	if called != 2 {
		t.Errorf("OnWipe was called %d times", called)
	}
	if d := p.start().Decide(); d.Allowed() {
		t.Errorf("%+v", d)
	}
	must(t, p.enrolled().Vault().Save("a", nil))
	p.dir = filepath.Join(p.dir, "missing")
	must(t, sdk.Forget(t.Context(), p.config()))
}

func TestWhatCannotBeForgottenIsSaid(t *testing.T) {
	p := lostKey(t)
	p.onWipe = func(context.Context) []wire.WipeItem { return []wire.WipeItem{{Name: "cache", Detail: "it is open"}} }
	if err := sdk.Forget(t.Context(), p.config()); err == nil {
		t.Error("forgotten")
	}
	p.nothingLeft()
	if _, err := os.Stat(filepath.Join(p.dir, "state.json")); err != nil {
		t.Errorf("the state is gone before the rest: %v", err)
	}
}
