package sdk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/postern-mam/postern/sdk/internal/devicekey"
	"github.com/postern-mam/postern/sdk/internal/disk"
	"github.com/postern-mam/postern/sdk/internal/sealing"
	"github.com/postern-mam/postern/sdk/vault"
)

// Vault is the sealed store of an account's organisation files.
type Vault = vault.Vault

// ErrWiped says that the key of the sealed store is gone: its files can never
// be read again.
var ErrWiped = vault.ErrWiped

// ErrKeyLost says that this PC had a device key and cannot open it: the TPM was
// cleared, say, or the directory was copied from another PC. New fails with it
// rather than make another key behind everyone's back. After Forget, the person
// may enrol again, as a PC that the service does not know.
var ErrKeyLost = devicekey.ErrLost

// Sealer protects the secrets of the state directory: the device key, the
// tokens and the key of the sealed store. One that a system offers, such as
// Windows data protection, goes here.
type Sealer interface {
	vault.Sealer
	// Protection is what the service is told about the device key: "tpm", "cng",
	// "dpapi" or "software".
	Protection() string
}

// system is a sealer that comes with stores for the device key.
type system interface {
	Stores() []devicekey.Store
}

// upgrader is a sealer that also seals what lies open since before it was used.
type upgrader interface {
	Upgrade(dir, name string) error
}

// guarded returns cfg with what protects its secrets. An app that brings a
// sealer of its own answers for the device key, too. Any other app has what the
// system offers: a store that holds the key itself, and a sealer for the rest.
func guarded(cfg Config) (Config, []devicekey.Store) {
	if s, ok := cfg.Sealer.(system); ok {
		return cfg, s.Stores()
	}
	if cfg.Sealer != nil {
		return cfg, nil
	}
	cfg.Sealer = plainFiles{}
	if s := sealing.System(); s != nil {
		cfg.Sealer = s
	}
	return cfg, devicekey.System()
}

// openKey opens the device key, or makes one, and seals what lies open since
// before the system's sealer was used.
func (c *Client) openKey(stores []devicekey.Store) (err error) {
	c.key, err = devicekey.Open(devicekey.Config{Dir: c.cfg.Dir, Sealer: c.cfg.Sealer, Stores: stores, Note: c.note})
	if err != nil {
		return err
	}
	u, ok := c.cfg.Sealer.(upgrader)
	if !ok {
		return nil
	}
	for _, f := range []struct{ name, lock string }{{stateFile, stateLock}, {vault.KeyFile, vault.LockFile}} {
		release, err := disk.Lock(c.cfg.Dir, f.lock)
		if err != nil {
			return err
		}
		err = u.Upgrade(c.cfg.Dir, f.name)
		release()
		if err != nil {
			return fmt.Errorf("sdk: %s cannot be sealed: %w", f.name, err)
		}
	}
	return nil
}

// Forget removes what cfg.Dir keeps, and tells the service nothing: the sealed
// store, key first, what cfg.OnWipe removes, the device key, also from the TPM,
// and the state. It is for an uninstall, after SignOut, and for a PC whose device
// key is lost (ErrKeyLost). Only cfg.Dir is required, and no Client may be at work
// on it. It may be repeated.
func Forget(ctx context.Context, cfg Config) error {
	if _, err := os.Stat(cfg.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	cfg, stores := guarded(cfg)
	errs := []error{vault.New(cfg.Dir, cfg.Sealer, nil).Wipe()}
	if cfg.OnWipe != nil {
		for _, i := range cfg.OnWipe(ctx) {
			if !i.Removed {
				errs = append(errs, fmt.Errorf("sdk: %s could not be removed: %s", i.Name, i.Detail))
			}
		}
	}
	errs = append(errs, devicekey.Destroy(devicekey.Config{Dir: cfg.Dir, Sealer: cfg.Sealer, Stores: stores}))
	if err := errors.Join(errs...); err != nil {
		return err // the state stays, and with it what is known of a wipe under way
	}
	path := filepath.Join(cfg.Dir, stateFile)
	return disk.Shred(append(disk.Leftovers(path), path)...)
}

// plainFiles keeps secrets as they are, in files that only their owner can
// read. It claims no more than that.
type plainFiles struct{}

func (plainFiles) Seal(_ string, plain []byte) ([]byte, error)  { return plain, nil }
func (plainFiles) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }
func (plainFiles) Protection() string                           { return "software" }
