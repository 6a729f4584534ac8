// Package devicekey keeps the key that a PC is known by: in a store of the
// system that never gives it away, such as a TPM, or else in a sealed file.
package devicekey

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/sdk/internal/disk"
)

// File is the name of the file that has the key, or says who holds it.
const File = "device.key"

// ErrLost says that this PC had a key and cannot open it now. No other key takes
// its place by itself: the service would see a stranger, and whoever destroyed a
// key in a TPM would get one in a file instead without anybody noticing.
var ErrLost = errors.New("the key that this PC is known by cannot be opened")

// Store is a part of the system that keeps keys of one person and signs with
// them, and does not let them be read.
type Store interface {
	// Protection is what the service is told about keys of this store.
	Protection() string
	// Create makes a key for ECDSA on P-256 under a name that has none.
	Create(name string) (Held, error)
	// Open returns the key of that name; fs.ErrNotExist when there is none.
	Open(name string) (Held, error)
	// Delete destroys the key of that name. It is no error when there is none.
	Delete(name string) error
}

// Held is a key in a Store.
type Held interface {
	// Public returns the public half.
	Public() *ecdsa.PublicKey
	// SignHash signs a SHA-256 sum and returns r and s, 32 bytes each, which is the
	// form of ES256 (RFC 7518 section 3.4).
	SignHash(sum []byte) ([]byte, error)
}

// Sealer protects the key that is kept in a file.
type Sealer interface {
	Seal(name string, plain []byte) ([]byte, error)
	Open(name string, sealed []byte) ([]byte, error)
	// Protection is what the service is told about a key that this protects.
	Protection() string
}

// upgrader is a Sealer that also seals what lies open since before it was used.
type upgrader interface {
	Upgrade(dir, name string) error
}

// Config says where a key may be.
type Config struct {
	Dir    string
	Sealer Sealer
	Stores []Store           // asked in this order for a new key, before the file
	Note   func(line string) // what the journal is told
}

// Key is the key that this PC is known by. It is safe for concurrent use.
type Key struct {
	held       Held
	JKT        string // thumbprint (RFC 7638)
	Protection string // what the service is told
}

// reference is what the directory knows of a key that a store holds. It is no
// secret, and lies open: with a sealer that fails, the key can still be found and
// destroyed.
type reference struct {
	Name string `json:"name"`
	// Store and Thumbprint are empty until the key is made. What a process that
	// ended in between made was never used, and goes.
	Store      string `json:"store,omitempty"`
	Thumbprint string `json:"thumbprint,omitempty"`
}

// Open returns the key of a directory, or makes one. It fails with ErrLost when
// the directory had a key that cannot be opened.
func Open(c Config) (*Key, error) {
	release, err := disk.Lock(c.Dir, "state.lock") // two processes at their first start make one key
	if err != nil {
		return nil, err
	}
	defer release()
	doc, err := os.ReadFile(c.path())
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(bytes.Trim(doc, "\x00")) == 0: // Destroy was cut short
		return c.create()
	case err != nil:
		return nil, err
	}
	ref, isRef, err := parse(doc)
	switch {
	case err != nil:
		return nil, c.lost(err)
	case !isRef:
		return c.openFile(doc)
	case ref.Thumbprint == "":
		for _, s := range c.Stores {
			_ = s.Delete(ref.Name) // as in Destroy
		}
		return c.create()
	}
	return c.openHeld(ref)
}

// Destroy removes the key of a directory for good, also from the store that
// holds it, when that opens it. It may be repeated.
func Destroy(c Config) error {
	release, err := disk.Lock(c.Dir, "state.lock")
	if err != nil {
		return err
	}
	defer release()
	doc, err := os.ReadFile(c.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if ref, isRef, err := parse(doc); isRef && err == nil {
		for _, s := range c.Stores {
			if ref.Thumbprint == "" {
				_ = s.Delete(ref.Name) // a store that cannot even be asked has made nothing
			} else if ref.Store == s.Protection() {
				if err := c.delete(s, ref.Name); err != nil {
					return err
				}
			}
		}
	}
	return disk.Shred(c.path())
}

// delete destroys a key. One that is not even opened there, as on a PC that the
// directory was copied to, must not keep the rest from going.
func (c Config) delete(s Store, name string) error {
	err := s.Delete(name)
	if err == nil {
		return nil
	}
	if _, open := s.Open(name); open != nil {
		c.note(fmt.Sprintf("device key: %s does not open it, and may still have it: %v", s.Protection(), err))
		return nil
	}
	return fmt.Errorf("sdk: the device key cannot be removed from the store %q: %w", s.Protection(), err)
}

func (c Config) path() string { return filepath.Join(c.Dir, File) }

// parse tells a reference from a key.
func parse(doc []byte) (ref reference, isRef bool, err error) {
	if !bytes.HasPrefix(doc, []byte("{")) {
		return ref, false, nil
	}
	if err = json.Unmarshal(doc, &ref); err == nil && ref.Name == "" {
		err = errors.New("it names no key")
	}
	return ref, true, err
}

// create makes a key where it is safest. A store that has none to give, or one
// that does not sign, is passed over, and the journal says so.
func (c Config) create() (*Key, error) {
	ref := reference{Name: "postern-device-" + rand.Text()}
	for i, s := range c.Stores {
		if i == 0 {
			if err := c.keep(ref); err != nil {
				return nil, err
			}
		}
		key, err := try(s, ref.Name)
		if err == nil {
			ref.Store, ref.Thumbprint = s.Protection(), key.JKT
			return key, c.keep(ref)
		}
		c.note(fmt.Sprintf("device key: %s cannot hold it: %v", s.Protection(), err))
	}
	return c.createFile()
}

// try makes a key and has it sign once: one that cannot is no key.
func try(s Store, name string) (*Key, error) {
	held, err := s.Create(name)
	if err != nil {
		return nil, err
	}
	key, err := describe(held, s.Protection())
	if err == nil {
		err = key.trial()
	}
	if err != nil {
		return nil, errors.Join(err, s.Delete(name))
	}
	return key, nil
}

func (c Config) keep(ref reference) error {
	doc, err := json.Marshal(ref)
	if err != nil {
		return err
	}
	return disk.Replace(c.path(), doc)
}

func (c Config) openHeld(ref reference) (*Key, error) {
	for _, s := range c.Stores {
		if s.Protection() != ref.Store {
			continue
		}
		held, err := s.Open(ref.Name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, c.lost(fmt.Errorf("the store %q does not have it any more; was the TPM cleared, or this directory copied from another PC or person", ref.Store))
		}
		if err != nil {
			return nil, c.lost(fmt.Errorf("the store %q: %w", ref.Store, err))
		}
		key, err := describe(held, ref.Store)
		if err == nil && key.JKT != ref.Thumbprint {
			err = fmt.Errorf("the store %q has another key in its place", ref.Store)
		}
		if err != nil {
			return nil, c.lost(err)
		}
		return key, nil
	}
	return nil, c.lost(fmt.Errorf("it is in the store %q, which is not there", ref.Store))
}

// lost says what to do about a key that is there and does not open.
func (c Config) lost(why error) error {
	return fmt.Errorf("sdk: %w: %w; when this stays so after a restart, give up what this PC was known by and enrol again", ErrLost, why)
}

func (c Config) note(line string) {
	if c.Note != nil {
		c.Note(line)
	}
}

func describe(held Held, protection string) (*Key, error) {
	sum, err := (&jose.JSONWebKey{Key: held.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return &Key{held: held, JKT: base64.RawURLEncoding.EncodeToString(sum), Protection: protection}, nil
}

// Sign returns a compact JWS of claims with header typ. The header names the
// key by its thumbprint, or carries it when embed is set.
func (k *Key) Sign(typ string, embed bool, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	s := signer{held: k.held}
	if !embed {
		s.id = k.JKT
	}
	o := (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ))
	made, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: s}, o)
	if err != nil {
		return "", err
	}
	jws, err := made.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// trial signs something and verifies it.
func (k *Key) trial() error {
	const typ = "postern-trial+jwt" // good for nothing
	compact, err := k.Sign(typ, false, struct{}{})
	if err != nil {
		return err
	}
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return err
	}
	_, err = jws.Verify(k.held.Public())
	return err
}

// signer signs a JWS with a key that is held elsewhere.
type signer struct {
	held Held
	id   string
}

// Public returns the key as a JWS names it.
func (s signer) Public() *jose.JSONWebKey {
	return &jose.JSONWebKey{Key: s.held.Public(), KeyID: s.id}
}

// Algs returns what the keys of a PC are for.
func (s signer) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.ES256} }

// SignPayload signs the input of a JWS.
func (s signer) SignPayload(payload []byte, _ jose.SignatureAlgorithm) ([]byte, error) {
	sum := sha256.Sum256(payload)
	signature, err := s.held.SignHash(sum[:])
	if err != nil {
		return nil, fmt.Errorf("sdk: the device key does not sign: %w", err)
	}
	if len(signature) != 2*half {
		return nil, fmt.Errorf("sdk: the device key signed with %d bytes; ES256 has %d", len(signature), 2*half)
	}
	return signature, nil
}
