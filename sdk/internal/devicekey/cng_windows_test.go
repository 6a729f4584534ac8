package devicekey_test

import (
	"errors"
	"testing"

	"github.com/postern-mam/postern/sdk/internal/devicekey"
)

// On a PC the key is in a store; where Windows has none that works, as in Wine,
// it is in the file, and the journal says why.
func TestWindowsHoldsTheKeyOrSaysWhyNot(t *testing.T) {
	p := newPC(t, devicekey.System()...)
	k := p.open()
	verified(t, k, false)
	t.Logf("protection %s, journal %q", k.Protection, p.journal)
	if want := map[string]int{"tpm": 0, "cng": 1, "dpapi": 2}[k.Protection]; len(p.journal) != want {
		t.Errorf("%d lines in the journal; want %d", len(p.journal), want)
	}
	if again := p.open(); again.JKT != k.JKT {
		t.Error("opened again it is another key")
	}
	doc := p.read()
	if err := devicekey.Destroy(p.Config); err != nil {
		t.Fatal(err)
	}
	if k.Protection != "dpapi" {
		p.write(doc)
		if _, err := devicekey.Open(p.Config); !errors.Is(err, devicekey.ErrLost) {
			t.Errorf("a destroyed key opens: %v", err)
		}
	}
}
