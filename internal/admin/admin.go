// Package admin administers: directory, policies, connectors, tenant settings;
// and it says who may.
//
// Everything an admin may keep is a Collection: what goes in is checked against
// the rules of its kind, and every change is announced in the transaction that
// makes it. Identifiers and creation times are given here, never by callers.
//
// # Errors
//
// Every refusal is a fault whose detail names the field, the value and what
// would be valid. A save that raced with another is fault.Conflict.
package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

// Hasher turns a password into what verifies it. The hall connects it to
// sign-in, which owns the parameters.
type Hasher interface {
	// HashPassword returns a PHC string.
	HashPassword(ctx context.Context, password string) (string, error)
}

// Lockouts says which changes would let no admin in any more. The hall connects
// it to the room that proves.
type Lockouts interface {
	// CheckLockout returns fault.Invalid for one, with who is stopped by what.
	CheckLockout(ctx context.Context, actor directory.UserID, c access.Change) error
}

// Config is what the room needs.
type Config struct {
	Store      Store
	Passwords  Hasher
	Lockouts   Lockouts
	IssuerHost string           // host of the public URL, without port: no site may use it
	Now        func() time.Time // nil means time.Now
}

// Service administers tenants.
type Service struct {
	store      Store
	passwords  Hasher
	lockouts   Lockouts
	issuerHost string
	clock      func() time.Time
	actor      audit.Actor // zero: the service itself
	turns      *turns
	forced     bool // what would lock out every admin is saved all the same
}

// As returns the room as an actor uses it: the record of changes names the actor.
func (s *Service) As(a audit.Actor) *Service {
	room := *s
	room.actor = a
	return &room
}

// Forced returns the room as somebody uses it who takes the risk to be locked out.
func (s *Service) Forced() *Service {
	room := *s
	room.forced = true
	return &room
}

// New returns the room, or every missing dependency joined.
func New(c Config) (*Service, error) {
	var errs []error
	if c.Store == nil {
		errs = append(errs, errors.New("admin: no Store"))
	}
	if c.Passwords == nil {
		errs = append(errs, errors.New("admin: no Passwords"))
	}
	if c.Lockouts == nil {
		errs = append(errs, errors.New("admin: no Lockouts"))
	}
	if c.IssuerHost == "" {
		errs = append(errs, errors.New("admin: no IssuerHost"))
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Service{store: c.Store, passwords: c.Passwords, lockouts: c.Lockouts, turns: &turns{of: map[directory.TenantID]chan struct{}{}}, issuerHost: strings.ToLower(c.IssuerHost), clock: c.Now}, nil
}

func (s *Service) now() time.Time { return s.clock().UTC() }

// newID returns a random identifier in the form of a version 4 UUID (RFC 9562),
// which is what Graph clients expect.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// checkText judges a line of text by its length in characters.
func checkText(field, value string, least, most int) error {
	n := utf8.RuneCountInString(value)
	switch {
	case !utf8.ValidString(value):
		return fault.New(fault.Invalid, "%s is not valid UTF-8", field)
	case n < least:
		return fault.New(fault.Invalid, "%s is missing; it needs at least %d character(s)", field, least)
	case n > most:
		return fault.New(fault.Invalid, "%s has %d characters; at most %d are allowed", field, n, most)
	}
	return nil
}

// together joins refusals into one that lists them all. Anything else than a
// refusal comes first: it was not the caller's fault.
func together(errs ...error) error {
	var details []string
	for _, err := range errs {
		switch {
		case err == nil:
		case fault.KindOf(err) == fault.Invalid:
			details = append(details, fault.Detail(err))
		default:
			return err
		}
	}
	if len(details) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%s", strings.Join(details, "; "))
}

// broken turns what a pure rule says about its input into refusals.
func broken(err error) error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		errs := many.Unwrap()
		for i := range errs {
			errs[i] = broken(errs[i])
		}
		return together(errs...)
	}
	if fault.KindOf(err) == fault.Invalid {
		return err
	}
	return fault.New(fault.Invalid, "%s", err.Error())
}

// missing says which reference of a field does not resolve.
func missing(err error, field, kind, id string) error {
	if fault.KindOf(err) == fault.NotFound {
		return fault.New(fault.Invalid, "%s: there is no %s %q in this tenant", field, kind, id)
	}
	return err
}
