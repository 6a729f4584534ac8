package sdk

import "github.com/postern-mam/postern/sdk/vault"

// Vault is the sealed store of an account's organisation files.
type Vault = vault.Vault

// ErrWiped says that the key of the sealed store is gone: its files can never
// be read again.
var ErrWiped = vault.ErrWiped

// Sealer protects the secrets of the state directory: the device key, the
// tokens and the key of the sealed store. One that a system offers, such as
// Windows data protection, goes here.
type Sealer interface {
	vault.Sealer
	// Protection is what the service is told about the device key: "tpm", "dpapi"
	// or "software".
	Protection() string
}

// plainFiles keeps secrets as they are, in files that only their owner can
// read. It claims no more than that.
type plainFiles struct{}

func (plainFiles) Seal(_ string, plain []byte) ([]byte, error)  { return plain, nil }
func (plainFiles) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }
func (plainFiles) Protection() string                           { return "software" }
