package sealing

import (
	"bytes"
	"unsafe"

	"golang.org/x/sys/windows"
)

// System returns the sealer of Windows: data protection under the account of
// this person (CryptProtectData, Microsoft's dpapi.h).
func System() *Sealer { return New(dpapi{}, "dpapi") }

// dpapi is data protection for the account, not for the whole machine. It asks
// nobody anything.
//
// Windows authenticates what it protects (an HMAC over it and the entropy), so
// nothing is added here. Wine does not, and protects nobody.
type dpapi struct{}

// Protect seals with the context as entropy.
func (dpapi) Protect(plain, context []byte) ([]byte, error) {
	in, entropy := data(plain), data(context)
	var out windows.DataBlob
	if err := windows.CryptProtectData(in, nil, entropy, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out); err != nil {
		return nil, err
	}
	return take(out), nil
}

// Unprotect opens with the context as entropy.
func (dpapi) Unprotect(sealed, context []byte) ([]byte, error) {
	in, entropy := data(sealed), data(context)
	var out windows.DataBlob
	if err := windows.CryptUnprotectData(in, nil, entropy, 0, nil, windows.CRYPTPROTECT_UI_FORBIDDEN, &out); err != nil {
		return nil, err
	}
	return take(out), nil
}

func data(doc []byte) *windows.DataBlob {
	if len(doc) == 0 {
		return &windows.DataBlob{Data: new(byte)}
	}
	return &windows.DataBlob{Size: uint32(len(doc)), Data: &doc[0]}
}

// take copies what Windows allocated, and overwrites it before it is freed.
func take(b windows.DataBlob) []byte {
	if b.Data == nil {
		return nil
	}
	theirs := unsafe.Slice(b.Data, b.Size)
	ours := bytes.Clone(theirs)
	clear(theirs)
	_, _ = windows.LocalFree(windows.Handle(unsafe.Pointer(b.Data))) // the memory of one small secret
	return ours
}
