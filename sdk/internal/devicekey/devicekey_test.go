package devicekey_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/sdk/internal/devicekey"
	"github.com/postern-mam/postern/sdk/internal/disk"
)

// vault is a store of a system that does not exist.
type vault struct {
	kind string
	keys map[string]*held
	// broken is why it does nothing at all.
	broken error
	// stuck is why it deletes nothing.
	stuck error
	// deaf is why its keys do not sign.
	deaf error
	// crash ends the process as soon as a key is made.
	crash bool
}

type held struct {
	private *ecdsa.PrivateKey
	of      *vault
	raw     func(signature []byte) []byte
}

func newVault(kind string) *vault { return &vault{kind: kind, keys: map[string]*held{}} }

func (v *vault) Protection() string { return v.kind }

func (v *vault) Create(name string) (devicekey.Held, error) {
	if v.broken != nil {
		return nil, v.broken
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	v.keys[name] = &held{private: private, of: v}
	if v.crash {
		panic("the process ends")
	}
	return v.keys[name], nil
}

func (v *vault) Open(name string) (devicekey.Held, error) {
	if v.broken != nil {
		return nil, v.broken
	}
	if k, ok := v.keys[name]; ok {
		return k, nil
	}
	return nil, fs.ErrNotExist
}

func (v *vault) Delete(name string) error {
	if v.broken != nil || v.stuck != nil {
		return errors.Join(v.broken, v.stuck)
	}
	delete(v.keys, name)
	return nil
}

func (k *held) Public() *ecdsa.PublicKey { return &k.private.PublicKey }

func (k *held) SignHash(sum []byte) ([]byte, error) {
	if k.of.deaf != nil {
		return nil, k.of.deaf
	}
	r, s, err := ecdsa.Sign(rand.Reader, k.private, sum)
	if err != nil {
		return nil, err
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	if k.raw != nil {
		signature = k.raw(signature)
	}
	return signature, nil
}

// box seals by turning bytes around.
type box struct{ broken error }

func (b box) Seal(_ string, plain []byte) ([]byte, error) { return flip(plain), b.broken }
func (b box) Open(_ string, sealed []byte) ([]byte, error) {
	return flip(sealed), b.broken
}
func (box) Protection() string { return "dpapi" }

func flip(doc []byte) []byte {
	out := make([]byte, len(doc))
	for i, b := range doc {
		out[i] = b ^ 0x80
	}
	return out
}

// pc is a state directory and what its journal was told.
type pc struct {
	t *testing.T
	devicekey.Config
	journal []string
}

func newPC(t *testing.T, stores ...devicekey.Store) *pc {
	p := &pc{t: t}
	p.Config = devicekey.Config{Dir: directory(t), Sealer: box{}, Stores: stores, Note: func(line string) { p.journal = append(p.journal, line) }}
	return p
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

func (p *pc) open() *devicekey.Key {
	p.t.Helper()
	k, err := devicekey.Open(p.Config)
	if err != nil {
		p.t.Fatal(err)
	}
	return k
}

func (p *pc) file() string { return filepath.Join(p.Dir, "device.key") }

func (p *pc) read() []byte {
	p.t.Helper()
	doc, err := os.ReadFile(p.file())
	if err != nil {
		p.t.Fatal(err)
	}
	return doc
}

func (p *pc) write(doc []byte) {
	p.t.Helper()
	if err := os.WriteFile(p.file(), doc, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// verified returns the header of what k signs, which must be signed by k.
func verified(t *testing.T, k *devicekey.Key, embed bool) jose.Header {
	t.Helper()
	compact, err := k.Sign("x+jwt", embed, map[string]int{"n": 1})
	if err != nil {
		t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	carried, err := k.Sign("x+jwt", true, 1)
	if err != nil {
		t.Fatal(err)
	}
	other, err := jose.ParseSignedCompact(carried, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	public := other.Signatures[0].Protected.JSONWebKey
	if doc, err := jws.Verify(public); err != nil || string(doc) != `{"n":1}` {
		t.Errorf("%s, %v", doc, err)
	}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil || base64.RawURLEncoding.EncodeToString(sum) != k.JKT {
		t.Errorf("thumbprint %s is not that of the key: %v", k.JKT, err)
	}
	return jws.Signatures[0].Protected
}

func TestAKeyNamesItselfOrIsCarried(t *testing.T) {
	for kind, p := range map[string]*pc{"tpm": newPC(t, newVault("tpm")), "dpapi": newPC(t)} {
		k := p.open()
		if k.Protection != kind {
			t.Errorf("protection is %q; want %q", k.Protection, kind)
		}
		if h := verified(t, k, false); h.KeyID != k.JKT || h.JSONWebKey != nil || h.ExtraHeaders[jose.HeaderType] != "x+jwt" {
			t.Errorf("%s: header %+v", kind, h)
		}
		if h := verified(t, k, true); h.KeyID != "" || h.JSONWebKey == nil || !h.JSONWebKey.IsPublic() || h.JSONWebKey.KeyID != "" {
			t.Errorf("%s: header %+v", kind, h)
		}
		if again := p.open(); again.JKT != k.JKT || again.Protection != kind {
			t.Errorf("%s: opened again it is %+v", kind, again)
		}
	}
}

func TestTheSafestStoreThatWorksHoldsTheKey(t *testing.T) {
	for name, c := range map[string]struct {
		spoil   func(tpm, cng *vault)
		want    string
		journal []string
	}{
		"everything works":     {func(*vault, *vault) {}, "tpm", nil},
		"there is no TPM":      {func(tpm, _ *vault) { tpm.broken = errors.New("no TPM") }, "cng", []string{"tpm cannot hold it: no TPM"}},
		"the TPM cannot sign":  {func(tpm, _ *vault) { tpm.deaf = errors.New("0x80090029") }, "cng", []string{"tpm cannot hold it: sdk: the device key does not sign: 0x80090029"}},
		"nothing but the file": {func(tpm, cng *vault) { tpm.broken, cng.broken = errors.New("a"), errors.New("b") }, "dpapi", []string{"tpm cannot hold it: a", "cng cannot hold it: b"}},
	} {
		t.Run(name, func(t *testing.T) {
			tpm, cng := newVault("tpm"), newVault("cng")
			c.spoil(tpm, cng)
			p := newPC(t, tpm, cng)
			k := p.open()
			verified(t, k, false)
			if k.Protection != c.want {
				t.Errorf("protection is %q; want %q", k.Protection, c.want)
			}
			if len(p.journal) != len(c.journal) {
				t.Fatalf("journal: %q; want %q", p.journal, c.journal)
			}
			for i, line := range c.journal {
				if p.journal[i] != "device key: "+line {
					t.Errorf("journal: %q; want %q", p.journal[i], line)
				}
			}
			left := len(tpm.keys) + len(cng.keys)
			if want := map[bool]int{true: 0, false: 1}[c.want == "dpapi"]; left != want {
				t.Errorf("%d keys in stores; want %d", left, want)
			}
			if bytes.Contains(p.read(), []byte("PRIVATE KEY")) {
				t.Error("the key lies open")
			}
			if again := p.open(); again.JKT != k.JKT {
				t.Error("opened again it is another key")
			}
		})
	}
}

func TestAKeyThatAnswersNonsenseIsNotTaken(t *testing.T) {
	for name, raw := range map[string]func([]byte) []byte{
		"short":         func(b []byte) []byte { return b[:63] },
		"long":          func(b []byte) []byte { return append(b, 0) },
		"wrong":         func(b []byte) []byte { b[5] ^= 1; return b },
		"little-endian": func(b []byte) []byte { b[0], b[31] = b[31], b[0]^1; return b },
	} {
		p := newPC(t, liar{newVault("tpm"), raw})
		if k := p.open(); k.Protection != "dpapi" || len(p.journal) != 1 {
			t.Errorf("%s: %q, %q", name, k.Protection, p.journal)
		}
	}
}

// liar is a store whose keys sign nonsense.
type liar struct {
	*vault
	raw func([]byte) []byte
}

func (l liar) Create(name string) (devicekey.Held, error) {
	if _, err := l.vault.Create(name); err != nil {
		return nil, err
	}
	l.keys[name].raw = l.raw
	return l.keys[name], nil
}

func TestTwoDirectoriesNeverShareAKey(t *testing.T) {
	tpm := newVault("tpm")
	a, b := newPC(t, tpm).open(), newPC(t, tpm).open()
	if a.JKT == b.JKT || len(tpm.keys) != 2 {
		t.Errorf("%s and %s, %d keys", a.JKT, b.JKT, len(tpm.keys))
	}
}

// A TPM that was cleared, a provider that is gone, a directory of somebody else:
// the key is lost, and stays lost until a person decides.
func TestAKeyThatIsLostIsNeverReplaced(t *testing.T) {
	for name, lose := range map[string]func(*pc, *vault){
		"the TPM was cleared":        func(_ *pc, tpm *vault) { clear(tpm.keys) },
		"the TPM does not answer":    func(_ *pc, tpm *vault) { tpm.broken = errors.New("busy") },
		"another key has its name":   func(_ *pc, tpm *vault) { replaceAll(tpm) },
		"the store is not there":     func(p *pc, _ *vault) { p.Stores = p.Stores[1:] },
		"the reference is damaged":   func(p *pc, _ *vault) { p.write([]byte("{")) },
		"the reference names no key": func(p *pc, _ *vault) { p.write([]byte("{}")) },
		"the file is damaged":        func(p *pc, _ *vault) { p.write([]byte("?")) },
		"the file holds no key": func(p *pc, _ *vault) {
			p.write(flip(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte("?")})))
		},
		"the file holds a key of another curve": func(p *pc, _ *vault) { p.write(flip(otherCurve(p.t))) },
		"the sealer does not open": func(p *pc, _ *vault) {
			p.write([]byte("sealed"))
			p.Sealer = box{errors.New("the password was reset")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			tpm, cng := newVault("tpm"), newVault("cng")
			p := newPC(t, tpm, cng)
			p.open()
			lose(p, tpm)
			before, keys := p.read(), maps.Clone(tpm.keys)
			for range 2 {
				if k, err := devicekey.Open(p.Config); !errors.Is(err, devicekey.ErrLost) || !strings.Contains(err.Error(), "enrol again") {
					t.Errorf("%+v, %v", k, err)
				}
			}
			if !bytes.Equal(p.read(), before) || !maps.Equal(tpm.keys, keys) || len(cng.keys) != 0 {
				t.Error("something was changed")
			}
		})
	}
}

func replaceAll(v *vault) {
	for name := range v.keys {
		delete(v.keys, name)
		_, _ = v.Create(name) // a store that works
	}
}

func otherCurve(t *testing.T) []byte {
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
}

func TestADirectoryOfBeforeKeepsItsKey(t *testing.T) {
	p := newPC(t)
	k := p.open()
	p.Stores = []devicekey.Store{newVault("tpm")}
	if again := p.open(); again.JKT != k.JKT || again.Protection != "dpapi" {
		t.Errorf("%+v; want %s", again, k.JKT)
	}
}

func TestACrashBetweenMakingAndKeepingLeavesNoKeyBehind(t *testing.T) {
	tpm := newVault("tpm")
	tpm.crash = true
	p := newPC(t, tpm)
	func() {
		defer func() { _ = recover() }()
		_, _ = devicekey.Open(p.Config) // does not return
	}()
	if len(tpm.keys) != 1 {
		t.Fatal("nothing was cut short")
	}
	tpm.crash = false
	orphans := maps.Clone(tpm.keys)
	k := p.open()
	for name := range orphans {
		if _, left := tpm.keys[name]; left {
			t.Errorf("%s is left", name)
		}
	}
	if len(tpm.keys) != 1 || p.open().JKT != k.JKT {
		t.Errorf("%d keys", len(tpm.keys))
	}
}

func TestADestroyedKeyIsGoneFromItsStoreToo(t *testing.T) {
	tpm, cng := newVault("tpm"), newVault("cng")
	others := newPC(t, tpm, cng)
	others.open()
	for name, make := range map[string]func() *pc{
		"in the TPM": func() *pc { p := newPC(t, tpm, cng); p.open(); return p },
		"in a file":  func() *pc { p := newPC(t); p.open(); return p },
		"not made":   func() *pc { return newPC(t, tpm, cng) },
		"half made":  func() *pc { p := newPC(t, tpm, cng); p.write([]byte(`{"name":"postern-device-X"}`)); return p },
		"damaged":    func() *pc { p := newPC(t, tpm, cng); p.write([]byte(`{`)); return p },
		"not openable": func() *pc {
			p := newPC(t, tpm, cng)
			p.open()
			p.Sealer = box{errors.New("no")}
			return p
		},
	} {
		p := make()
		for range 2 {
			if err := devicekey.Destroy(p.Config); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := os.Stat(p.file()); !errors.Is(err, fs.ErrNotExist) || len(tpm.keys) != 1 {
			t.Errorf("%s: left: %v, %d keys", name, err, len(tpm.keys))
		}
	}
	others.open()
	tpm.stuck = errors.New("busy")
	if err := devicekey.Destroy(others.Config); err == nil {
		t.Error("a key that still opens counts as destroyed")
	}
	others.open()
	tpm.broken = errors.New("no TPM")
	if err := devicekey.Destroy(others.Config); err != nil || len(others.journal) != 1 {
		t.Errorf("a directory of another PC cannot be given up: %v, %q", err, others.journal)
	}
}

func TestWhatCannotBeKeptIsNotUsed(t *testing.T) {
	nowhere := newPC(t, newVault("tpm"))
	nowhere.Dir = filepath.Join(nowhere.Dir, "missing")
	if k, err := devicekey.Open(nowhere.Config); err == nil {
		t.Errorf("%+v", k)
	}
	if err := devicekey.Destroy(nowhere.Config); err == nil {
		t.Error("destroyed")
	}
	unsealed := newPC(t)
	unsealed.Sealer = box{errors.New("no")}
	if k, err := devicekey.Open(unsealed.Config); err == nil {
		t.Errorf("%+v", k)
	}
	blocked := newPC(t)
	if err := os.Mkdir(blocked.file(), 0o700); err != nil {
		t.Fatal(err)
	}
	if k, err := devicekey.Open(blocked.Config); err == nil {
		t.Errorf("%+v", k)
	}
	if err := devicekey.Destroy(blocked.Config); err == nil {
		t.Error("destroyed")
	}
}

func TestAKeyThatFailsLaterSaysSo(t *testing.T) {
	tpm := newVault("tpm")
	p := newPC(t, tpm)
	k := p.open()
	tpm.deaf = errors.New("locked out")
	if s, err := k.Sign("x", false, 1); err == nil || !strings.Contains(err.Error(), "locked out") {
		t.Errorf("%q, %v", s, err)
	}
	if s, err := k.Sign("x", false, make(chan int)); err == nil {
		t.Errorf("signed what is no JSON: %q", s)
	}
}

// blob is a public key as CNG exports it.
func blob(k *ecdsa.PublicKey) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0x31534345)
	b = binary.LittleEndian.AppendUint32(b, 32)
	point, _ := k.Bytes()
	return append(b, point[1:]...)
}

func TestAPublicKeyOfCNGIsRead(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := blob(&private.PublicKey)
	if got, err := devicekey.ParseBlob(good); err != nil || !got.Equal(&private.PublicKey) {
		t.Errorf("%v, %v", got, err)
	}
	for name, spoil := range map[string]func([]byte) []byte{
		"nothing":       func([]byte) []byte { return nil },
		"cut off":       func(b []byte) []byte { return b[:71] },
		"too long":      func(b []byte) []byte { return append(b, 0) },
		"key agreement": func(b []byte) []byte { b[3] = 0x4b; return b }, // "ECK1"
		"another curve": func(b []byte) []byte { b[4] = 48; return b },
		"no point":      func(b []byte) []byte { b[71] ^= 1; return b },
	} {
		if got, err := devicekey.ParseBlob(spoil(bytes.Clone(good))); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzPublicKeyOfCNG(f *testing.F) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(blob(&private.PublicKey))
	f.Add([]byte("ECS1"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		k, err := devicekey.ParseBlob(doc)
		if err == nil && !bytes.Equal(blob(k), doc) {
			t.Error("it is read as another key")
		}
	})
}

func FuzzKeyFile(f *testing.F) {
	f.Add([]byte(`{"name":"postern-device-X","store":"tpm","thumbprint":"x"}`))
	f.Add([]byte(`{`))
	f.Add([]byte("-----BEGIN EC PRIVATE KEY-----"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		p := newPC(t, newVault("tpm"))
		p.write(doc)
		k, err := devicekey.Open(p.Config)
		var half struct{ Name, Store, Thumbprint string }
		fresh := json.Unmarshal(doc, &half) == nil && half.Name != "" && half.Thumbprint == ""
		if err == nil && !fresh && bytes.HasPrefix(doc, []byte("{")) {
			t.Errorf("%q opens as %+v", doc, k)
		}
		if err != nil && !errors.Is(err, devicekey.ErrLost) {
			t.Errorf("%q: %v", doc, err)
		}
	})
}
