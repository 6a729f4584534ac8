package sdk_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// system is what may hold a device key here.
func system() []string { return []string{"tpm", "cng", "dpapi"} }

func TestADirectoryOfBeforeIsSealedAtTheNextStart(t *testing.T) {
	p := newPC(t)
	p.sealer = plain{}
	must(t, p.enrolled().Vault().Save("plans", []byte("behind the ivy")))
	key := p.jkt
	p.sealer = nil
	c := p.start()
	for _, name := range []string{"device.key", "state.json", "organization.key"} {
		doc, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil || !bytes.HasPrefix(doc, []byte("postern sealed ")) {
			t.Errorf("%s begins with %.20q, %v", name, doc, err)
		}
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
