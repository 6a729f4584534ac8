package devicekey

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	silent    = 0x40       // NCRYPT_SILENT_FLAG: nobody is asked anything
	persist   = 0x80000000 // NCRYPT_PERSIST_FLAG: kept with the key
	blobBytes = 256        // more than a public key on P-256 needs
)

// System returns the stores of Windows, the safest first: the TPM, and the
// software store, whose keys are bound to the Windows account and are not
// exported. Both are CNG key storage providers (Microsoft's ncrypt.h).
func System() []Store {
	dll := windows.NewLazySystemDLL("ncrypt.dll")
	return stores(func(function string) (uintptr, error) {
		proc := dll.NewProc(function)
		if err := proc.Find(); err != nil {
			return 0, err
		}
		return proc.Addr(), nil
	})
}

func stores(find func(function string) (address uintptr, err error)) []Store {
	return []Store{
		&cng{find: find, provider: "Microsoft Platform Crypto Provider", protection: "tpm"},
		&cng{find: find, provider: "Microsoft Software Key Storage Provider", protection: "cng"},
	}
}

// cng is one key storage provider, open for as long as the process lives, as its
// keys are.
type cng struct {
	find                 func(function string) (address uintptr, err error)
	provider, protection string

	mu     sync.Mutex
	handle uintptr
}

// Protection names the kind of store.
func (s *cng) Protection() string { return s.protection }

// call calls a function of ncrypt.dll, which returns zero or what went wrong.
//
//go:uintptrescapes
func (s *cng) call(function string, args ...uintptr) error {
	address, err := s.find(function)
	if err != nil {
		return err
	}
	status, _, _ := syscall.SyscallN(address, args...)
	switch code := syscall.Errno(uint32(status)); windows.Handle(code) {
	case 0:
		return nil
	case windows.NTE_BAD_KEYSET, windows.NTE_NO_KEY, windows.NTE_NOT_FOUND:
		return fmt.Errorf("%s: %w (%w, %#x)", function, fs.ErrNotExist, code, uint32(code))
	default:
		return fmt.Errorf("%s: %w (%#x)", function, code, uint32(code))
	}
}

func (s *cng) free(handle uintptr) { _ = s.call("NCryptFreeObject", handle) }

// open opens the provider once.
func (s *cng) open() (uintptr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handle != 0 {
		return s.handle, nil
	}
	name, err := windows.UTF16PtrFromString(s.provider)
	if err != nil {
		return 0, err
	}
	var handle uintptr
	if err := s.call("NCryptOpenStorageProvider", uintptr(unsafe.Pointer(&handle)), uintptr(unsafe.Pointer(name)), 0); err != nil {
		return 0, err
	}
	s.handle = handle
	return handle, nil
}

// Create makes a key that cannot be exported.
func (s *cng) Create(name string) (Held, error) {
	provider, err := s.open()
	if err != nil {
		return nil, err
	}
	algorithm, err := windows.UTF16PtrFromString("ECDSA_P256")
	if err != nil {
		return nil, err
	}
	called, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	var key uintptr
	err = s.call("NCryptCreatePersistedKey", provider, uintptr(unsafe.Pointer(&key)), uintptr(unsafe.Pointer(algorithm)), uintptr(unsafe.Pointer(called)), 0, 0)
	if err != nil {
		return nil, err
	}
	if err = s.forbidExport(key); err == nil {
		err = s.call("NCryptFinalizeKey", key, silent)
	}
	if err != nil {
		s.free(key) // it is persisted by NCryptFinalizeKey alone
		return nil, err
	}
	return s.hold(key)
}

// forbidExport sets the export policy to none. A TPM that has no such property
// exports nothing anyway.
func (s *cng) forbidExport(key uintptr) error {
	property, err := windows.UTF16PtrFromString("Export Policy")
	if err != nil {
		return err
	}
	var none uint32
	err = s.call("NCryptSetProperty", key, uintptr(unsafe.Pointer(property)), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none), persist)
	if s.protection == "tpm" && errors.Is(err, syscall.Errno(windows.NTE_NOT_SUPPORTED)) {
		return nil
	}
	return err
}

// Open opens a key.
func (s *cng) Open(name string) (Held, error) {
	key, err := s.handleOf(name)
	if err != nil {
		return nil, err
	}
	return s.hold(key)
}

func (s *cng) handleOf(name string) (key uintptr, err error) {
	provider, err := s.open()
	if err != nil {
		return 0, err
	}
	called, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return 0, err
	}
	err = s.call("NCryptOpenKey", provider, uintptr(unsafe.Pointer(&key)), uintptr(unsafe.Pointer(called)), 0, silent)
	return key, err
}

// Delete destroys a key.
func (s *cng) Delete(name string) error {
	key, err := s.handleOf(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = s.call("NCryptDeleteKey", key, silent) // also frees the handle
	if err != nil {
		s.free(key)
	}
	return err
}

// hold takes a handle for as long as the process lives.
func (s *cng) hold(key uintptr) (Held, error) {
	kind, err := windows.UTF16PtrFromString("ECCPUBLICBLOB")
	if err != nil {
		return nil, err
	}
	blob, size := make([]byte, blobBytes), uint32(0)
	err = s.call("NCryptExportKey", key, 0, uintptr(unsafe.Pointer(kind)), 0, uintptr(unsafe.Pointer(&blob[0])), blobBytes, uintptr(unsafe.Pointer(&size)), silent)
	if err == nil {
		k := &cngKey{store: s, key: key}
		if k.public, err = ParseBlob(blob[:min(size, blobBytes)]); err == nil {
			return k, nil
		}
	}
	s.free(key)
	return nil, err
}

// cngKey is a key that a provider holds.
type cngKey struct {
	store  *cng
	key    uintptr
	public *ecdsa.PublicKey
	mu     sync.Mutex // a handle is for one thread at a time
}

// Public returns the public half.
func (k *cngKey) Public() *ecdsa.PublicKey { return k.public }

// SignHash returns r and s, as CNG gives them.
func (k *cngKey) SignHash(sum []byte) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	signature, size := make([]byte, blobBytes), uint32(0)
	err := k.store.call("NCryptSignHash", k.key, 0, uintptr(unsafe.Pointer(unsafe.SliceData(sum))), uintptr(len(sum)),
		uintptr(unsafe.Pointer(&signature[0])), blobBytes, uintptr(unsafe.Pointer(&size)), silent)
	if err != nil {
		return nil, err
	}
	return signature[:min(size, blobBytes)], nil
}
