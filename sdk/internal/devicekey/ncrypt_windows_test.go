package devicekey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/postern-mam/postern/sdk/internal/devicekey"
)

// ncrypt is what ncrypt.h says of ncrypt.dll, for keys on P-256: enough to see
// that it is called as it is declared, where there is no TPM to call.
type ncrypt struct {
	t         *testing.T
	kept      map[string]*ecdsa.PrivateKey // finalized, by provider and name
	handles   map[uintptr]*handle
	next      uintptr
	functions map[string]uintptr
}

type handle struct {
	name      string // provider, or provider and key
	key       *ecdsa.PrivateKey
	finalized bool
	policy    []byte
}

func newNCrypt(t *testing.T) *ncrypt {
	n := &ncrypt{t: t, kept: map[string]*ecdsa.PrivateKey{}, handles: map[uintptr]*handle{}}
	n.functions = map[string]uintptr{
		"NCryptOpenStorageProvider": windows.NewCallback(n.openProvider), "NCryptCreatePersistedKey": windows.NewCallback(n.create),
		"NCryptSetProperty": windows.NewCallback(n.setProperty), "NCryptFinalizeKey": windows.NewCallback(n.finalize),
		"NCryptOpenKey": windows.NewCallback(n.openKey), "NCryptExportKey": windows.NewCallback(n.export),
		"NCryptSignHash": windows.NewCallback(n.sign), "NCryptDeleteKey": windows.NewCallback(n.deleteKey),
		"NCryptFreeObject": windows.NewCallback(n.free),
	}
	return n
}

func (n *ncrypt) find(function string) (uintptr, error) {
	if a, ok := n.functions[function]; ok {
		return a, nil
	}
	return 0, errors.New("there is no " + function)
}

func (n *ncrypt) give(h *handle) uintptr {
	n.next++
	n.handles[n.next] = h
	return n.next
}

const (
	badKeyset    = uintptr(windows.NTE_BAD_KEYSET)
	exists       = uintptr(windows.NTE_EXISTS)
	notSupported = uintptr(windows.NTE_NOT_SUPPORTED)
	badFlags     = uintptr(windows.NTE_BAD_FLAGS)
	invalid      = uintptr(windows.NTE_INVALID_PARAMETER)
	tooSmall     = uintptr(windows.NTE_BUFFER_TOO_SMALL)
)

func (n *ncrypt) openProvider(to *uintptr, name *uint16, flags uintptr) uintptr {
	if flags != 0 {
		return badFlags
	}
	*to = n.give(&handle{name: windows.UTF16PtrToString(name)})
	return 0
}

func (n *ncrypt) create(provider uintptr, to *uintptr, algorithm, name *uint16, legacy, flags uintptr) uintptr {
	p := n.handles[provider]
	if p == nil || legacy != 0 || flags != 0 {
		return invalid
	}
	if windows.UTF16PtrToString(algorithm) != "ECDSA_P256" {
		return notSupported
	}
	called := p.name + "/" + windows.UTF16PtrToString(name)
	if n.kept[called] != nil {
		return exists
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return invalid
	}
	*to = n.give(&handle{name: called, key: key})
	return 0
}

func (n *ncrypt) setProperty(object uintptr, property *uint16, value *byte, size, flags uintptr) uintptr {
	h := n.handles[object]
	if h == nil || h.finalized || windows.UTF16PtrToString(property) != "Export Policy" || size != 4 {
		return invalid
	}
	h.policy = append([]byte{}, unsafe.Slice(value, size)...)
	return 0
}

func (n *ncrypt) finalize(key, flags uintptr) uintptr {
	h := n.handles[key]
	if h == nil || flags != 0x40 {
		return invalid
	}
	if string(h.policy) != "\x00\x00\x00\x00" {
		n.t.Errorf("export policy %x", h.policy)
	}
	h.finalized, n.kept[h.name] = true, h.key
	return 0
}

func (n *ncrypt) openKey(provider uintptr, to *uintptr, name *uint16, legacy, flags uintptr) uintptr {
	p := n.handles[provider]
	if p == nil || legacy != 0 || flags != 0x40 {
		return invalid
	}
	called := p.name + "/" + windows.UTF16PtrToString(name)
	key := n.kept[called]
	if key == nil {
		return badKeyset
	}
	*to = n.give(&handle{name: called, key: key, finalized: true})
	return 0
}

func (n *ncrypt) export(key, with uintptr, kind *uint16, parameters uintptr, to *byte, size uintptr, got *uint32, flags uintptr) uintptr {
	h := n.handles[key]
	if h == nil || !h.finalized || with != 0 || parameters != 0 || windows.UTF16PtrToString(kind) != "ECCPUBLICBLOB" {
		return invalid
	}
	return put(blob(&h.key.PublicKey), to, size, got)
}

func (n *ncrypt) sign(key, padding uintptr, sum *byte, length uintptr, to *byte, size uintptr, got *uint32, flags uintptr) uintptr {
	h := n.handles[key]
	if h == nil || !h.finalized || padding != 0 || length != 32 || flags != 0x40 {
		return invalid
	}
	r, s, err := ecdsa.Sign(rand.Reader, h.key, unsafe.Slice(sum, length))
	if err != nil {
		return invalid
	}
	return put(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), to, size, got)
}

func put(doc []byte, to *byte, size uintptr, got *uint32) uintptr {
	*got = uint32(len(doc))
	if int(size) < len(doc) {
		return tooSmall
	}
	copy(unsafe.Slice(to, size), doc)
	return 0
}

func (n *ncrypt) deleteKey(key, flags uintptr) uintptr {
	h := n.handles[key]
	if h == nil || flags != 0x40 {
		return invalid
	}
	delete(n.kept, h.name)
	delete(n.handles, key)
	return 0
}

func (n *ncrypt) free(object uintptr) uintptr {
	if n.handles[object] == nil {
		return invalid
	}
	delete(n.handles, object)
	return 0
}

func TestCNGIsCalledAsItIsDeclared(t *testing.T) {
	n := newNCrypt(t)
	p := newPC(t, devicekey.Stores(n.find)...)
	k := p.open()
	for range 20 {
		verified(t, k, false)
	}
	if k.Protection != "tpm" || len(n.kept) != 1 || len(p.journal) != 0 {
		t.Fatalf("%s, %d keys, journal %q", k.Protection, len(n.kept), p.journal)
	}
	p.Stores = devicekey.Stores(n.find) // a new process
	again := p.open()
	if verified(t, again, false); again.JKT != k.JKT {
		t.Error("opened again it is another key")
	}
	lost := n.kept
	n.kept = map[string]*ecdsa.PrivateKey{}
	if _, err := devicekey.Open(p.Config); !errors.Is(err, devicekey.ErrLost) {
		t.Errorf("the TPM was cleared: %v", err)
	}
	n.kept = lost
	if err := devicekey.Destroy(p.Config); err != nil || len(n.kept) != 0 {
		t.Errorf("%v, %d keys", err, len(n.kept))
	}
}

func TestAnOldWindowsWithoutTheFunctionsFallsBack(t *testing.T) {
	p := newPC(t, devicekey.Stores(func(string) (uintptr, error) { return 0, errors.New("no ncrypt.dll") })...)
	if k := p.open(); k.Protection != "dpapi" || len(p.journal) != 2 {
		t.Errorf("%s, %q", k.Protection, p.journal)
	}
}
