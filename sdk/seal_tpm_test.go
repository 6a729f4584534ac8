package sdk_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/sdk/internal/devicekey"
	"github.com/postern-mam/postern/sdk/internal/sealing"
)

// windows is a system like Windows: it seals files, and has a TPM or none.
type windows struct {
	*sealing.Sealer
	tpm []devicekey.Store
}

func newWindows(tpm ...devicekey.Store) windows {
	return windows{sealing.New(guard{}, "dpapi"), tpm}
}

func (w windows) Stores() []devicekey.Store { return w.tpm }

// guard seals by turning bytes around, for a context.
type guard struct{}

func (guard) Protect(doc, context []byte) ([]byte, error) {
	return append(bytes.Clone(context), turned(doc)...), nil
}

func (guard) Unprotect(doc, context []byte) ([]byte, error) {
	sealed, ok := bytes.CutPrefix(doc, context)
	if !ok {
		return nil, errors.New("another context")
	}
	return turned(sealed), nil
}

func turned(doc []byte) []byte {
	out := make([]byte, len(doc))
	for i, b := range doc {
		out[i] = b ^ 0x80
	}
	return out
}

// tpm is a TPM with its keys.
type tpm map[string]chip

type chip struct{ *ecdsa.PrivateKey }

func (tpm) Protection() string { return "tpm" }

func (t tpm) Create(name string) (devicekey.Held, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	t[name] = chip{private}
	return t[name], err
}

func (t tpm) Open(name string) (devicekey.Held, error) {
	if k, ok := t[name]; ok {
		return k, nil
	}
	return nil, fs.ErrNotExist
}

func (t tpm) Delete(name string) error {
	delete(t, name)
	return nil
}

func (c chip) Public() *ecdsa.PublicKey { return &c.PublicKey }

func (c chip) SignHash(sum []byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, c.PrivateKey, sum)
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}

// sealed are the secrets that lie sealed on disk.
func (p *pc) sealed() (names []string) {
	p.t.Helper()
	for _, name := range []string{"device.key", "state.json", "organization.key"} {
		doc, err := os.ReadFile(filepath.Join(p.dir, name))
		must(p.t, err)
		if bytes.HasPrefix(doc, []byte("postern sealed ")) {
			names = append(names, name)
		}
	}
	return names
}

func TestALifeWithATPM(t *testing.T) {
	p, chips := newPC(t), tpm{}
	p.sealer = newWindows(chips)
	must(t, p.enrolled().Vault().Save("plans", []byte("behind the ivy")))
	key := p.jkt
	for range 3 { // starts
		c := p.start()
		_, err := c.CheckIn(t.Context())
		must(t, err)
		if data, err := c.Vault().Load("plans"); err != nil || string(data) != "behind the ivy" {
			t.Errorf("%q, %v", data, err)
		}
		if s := c.Status(); s.KeyProtection != "tpm" || p.jkt != key || len(chips) != 1 {
			t.Errorf("%s, key %s, was %s, %d in the TPM", s.KeyProtection, p.jkt, key, len(chips))
		}
	}
	if got := p.sealed(); !slices.Equal(got, []string{"state.json", "organization.key"}) { // the third only says where the key is
		t.Errorf("sealed: %q", got)
	}
	p.orders = append(p.orders, p.asks("wipe"))
	if wiped, err := p.start().Orders(t.Context()); !wiped || err != nil || len(p.receipts) != 1 {
		t.Errorf("wiped %t, %v, receipts %+v", wiped, err, p.receipts)
	}
	clear(chips)
	if _, err := sdk.New(sdk.Config{Authority: p.url(), App: "a", AppVersion: "1", Dir: p.dir, Health: health{&p.broken}, Sealer: p.sealer}); !errors.Is(err, sdk.ErrKeyLost) {
		t.Errorf("the TPM was cleared: %v", err)
	}
	must(t, sdk.Forget(t.Context(), sdk.Config{Dir: p.dir, Sealer: p.sealer}))
	p.orders, p.device, p.jkt = nil, nil, ""
	p.enrolled()
	if len(chips) != 1 || p.jkt == key {
		t.Errorf("enrolled anew with key %s, was %s; %d in the TPM", p.jkt, key, len(chips))
	}
	must(t, sdk.Forget(t.Context(), sdk.Config{Dir: p.dir, Sealer: p.sealer}))
	if len(chips) != 0 {
		t.Error("a key is left in the TPM")
	}
}

func TestADirectoryOfBeforeIsSealedAtTheNextStart(t *testing.T) {
	p := newPC(t)
	p.sealer = plain{}
	must(t, p.enrolled().Vault().Save("plans", []byte("behind the ivy")))
	key := p.jkt
	p.sealer = newWindows(tpm{})
	c := p.start()
	if got := p.sealed(); len(got) != 3 {
		t.Errorf("sealed: %q", got)
	}
	if data, err := c.Vault().Load("plans"); err != nil || string(data) != "behind the ivy" {
		t.Errorf("%q, %v", data, err)
	}
	_, err := c.CheckIn(t.Context())
	must(t, err)
	if s := c.Status(); p.jkt != key || s.KeyProtection != "dpapi" {
		t.Errorf("key %s, was %s; %s", p.jkt, key, s.KeyProtection)
	}
}
