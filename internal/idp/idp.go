// Package idp signs users in and issues, renews and revokes tokens.
//
// # How a sign-in goes
//
// A sign-in under way is a stored Flow. After every step of the person the room
// looks again at what is established and picks the next one: password, new
// password, the gate's decision, second factor, device proof, answer. No step
// may be skipped because none is remembered as "to do"; each is derived.
//
// # What hangs on what
//
// Tokens hang on grants, grants on sessions, sessions on users. Every use of a
// token reads the living session, user and client, so ending one of them ends
// all below it at once. Every issuance, refresh included, is decided by the gate
// and saved together with the sign-in record, unless a fact behind the decision
// moved meanwhile.
//
// # Times
//
// All instants are UTC. Lifetimes are the constants below.
//
// # Errors
//
// OAuth refusals are *oauth.Error; anything else is a fault or an outage, and a
// caller must treat it as a refusal.
package idp

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/postern-mam/postern/internal/access"
)

const (
	// accessTokenFor is short because resources outside our doors only check the
	// signature; our own doors read the living session.
	accessTokenFor = 10 * time.Minute
	idTokenFor     = time.Hour
	// sessionFor is how long a browser stays signed in.
	sessionFor = 24 * time.Hour
	// enrolledFor is how long a device's own session lasts: one made for a public
	// client whose tokens are bound to a key, and for bootstrap resources alone. It
	// opens nothing but the device protocol, so it may outlive the browser's.
	enrolledFor = 90 * 24 * time.Hour
	// codeFor is how long a client has to redeem a code (RFC 6749 section 4.1.2
	// allows ten minutes).
	codeFor = 2 * time.Minute
	flowFor = 20 * time.Minute
	// recently is how fresh a sign-in must be to change a password or to register a
	// second factor: an open browser alone must not be enough.
	recently = 10 * time.Minute
	// rounds is how often a decision is made again because a fact moved.
	rounds = 4
)

// Sealer keeps secrets unreadable at rest. name binds a sealed secret to its purpose.
type Sealer interface {
	Seal(name string, plain []byte) ([]byte, error)
	Open(name string, sealed []byte) ([]byte, error)
}

// Config is what the room needs. All of it but ProofFor is required.
type Config struct {
	Store  Store
	Keys   Keys
	Gate   Gate
	Sealer Sealer
	Issuer string // public base URL, https, without a trailing slash
	// ProofFor is for how long a device that proved itself counts, as the gate has
	// it; zero: access.ProofFor.
	ProofFor time.Duration
	Now      func() time.Time
}

// Service is the room.
type Service struct {
	store  Store
	shared Keys
	gate   Gate
	sealer Sealer
	base   string
	clock  func() time.Time
	hashes *semaphore.Weighted // argon2id takes 19 MiB a piece

	proofFor time.Duration

	mu      sync.Mutex // guards what is below: keys read once
	signing *signingKey
	nonces  []byte
}

// New returns the room, or an error that names everything missing from c.
func New(c Config) (*Service, error) {
	var missing []error
	need := func(ok bool, what string) {
		if !ok {
			missing = append(missing, fmt.Errorf("idp: Config.%s is missing", what))
		}
	}
	need(c.Store != nil, "Store")
	need(c.Keys != nil, "Keys")
	need(c.Gate != nil, "Gate")
	need(c.Sealer != nil, "Sealer")
	need(c.Now != nil, "Now")
	if u, err := url.Parse(c.Issuer); err != nil || u.Host == "" || u.Scheme != "https" || strings.HasSuffix(c.Issuer, "/") {
		missing = append(missing, fmt.Errorf("idp: Config.Issuer is %q; it must be an https URL without a trailing slash", c.Issuer))
	}
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	return &Service{
		store: c.Store, shared: c.Keys, gate: c.Gate, sealer: c.Sealer, base: c.Issuer, clock: c.Now, proofFor: cmp.Or(c.ProofFor, access.ProofFor),
		hashes: semaphore.NewWeighted(int64(min(max(runtime.GOMAXPROCS(0), 2), 8))),
	}, nil
}

// now is the present instant as it is stored: UTC, without a monotonic reading.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Millisecond) }

// origin is the scheme and host of the public URL.
func (s *Service) origin() string {
	u, err := url.Parse(s.base)
	if err != nil {
		return s.base // New parsed it
	}
	return u.Scheme + "://" + u.Host
}

// secret returns 256 random bits as text.
func secret() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(raw)
}
