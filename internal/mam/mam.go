// Package mam registers managed apps, hears their check-ins and tells them what
// to do next, selective wipes included.
//
// # Who speaks
//
// A device is the key it keeps: every call carries a proof by that key, and the
// thumbprint of the key is the identity that registrations hang on. Calls that
// change something spend the proof in the transaction that stores the change; a
// call that changes nothing spends nothing, so repeating it is harmless.
//
// # Verdicts
//
// The verdict that a registration carries is for display and reports. Access is
// decided elsewhere, from live facts.
//
// # Sources
//
// Names follow Microsoft Graph (managedAppRegistration, managedAppOperation).
// The protocol is package wire; the unmanaged-only rule, the join limit and what
// ends a registration are windows-mam.md sections 3 and 6.
package mam

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

const (
	defaultCheckInEvery = 30 * time.Minute // windows-mam.md section 2
	maxSkew             = 5 * time.Minute  // how far a device's clock may run ahead of ours
	attempts            = 5                // of a compare and swap that others keep winning
	pageSize            = 100
)

// Config wires a Service. Everything but CheckInEvery and Now is required.
type Config struct {
	Store  Store
	Signer Signer
	// Issuer is the public base URL, without a slash at the end. Orders name
	// the authority (Issuer + "/" + tenant) as who gave them, and published sites
	// are at its port.
	Issuer string
	// OrderKeys returns the JWK set that verifies orders, as JSON.
	OrderKeys func(context.Context) ([]byte, error)

	CheckInEvery time.Duration    // zero: 30 minutes
	Now          func() time.Time // zero: time.Now in UTC
}

// Service is the MAM room. It is safe for concurrent use.
type Service struct {
	cfg Config
}

// New reports every missing dependency at once.
func New(cfg Config) (*Service, error) {
	var errs []error
	missing := func(absent bool, name string) {
		if absent {
			errs = append(errs, fmt.Errorf("mam: %s is required", name))
		}
	}
	missing(cfg.Store == nil, "Store")
	missing(cfg.Signer == nil, "Signer")
	missing(cfg.Issuer == "", "Issuer")
	missing(cfg.OrderKeys == nil, "OrderKeys")
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if cfg.CheckInEvery <= 0 {
		cfg.CheckInEvery = defaultCheckInEvery
	}
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return time.Now().UTC() }
	}
	return &Service{cfg}, nil
}

// Caller is who speaks for a device: the holder of the proven key and, when the
// call carries a token, the user it stands for.
type Caller struct {
	Tenant directory.TenantID
	User   directory.UserID // empty: the call works by the proof alone
	Proof  oauth.Proof
}

// RefusedError is a refusal with what the person can do about it. Its fault
// says the kind and the reason.
type RefusedError struct {
	Code  string   // stable, for programs
	Steps []string // in order
	Err   error    // the fault
}

// Error returns the code and the reason.
func (e *RefusedError) Error() string { return e.Code + ": " + e.Err.Error() }

// Unwrap returns the fault.
func (e *RefusedError) Unwrap() error { return e.Err }

func refuse(k fault.Kind, r compliance.Refusal) error {
	return &RefusedError{Code: r.Code, Steps: r.Steps, Err: fault.New(k, "%s", r.Text)}
}

// retry repeats a read, decide and save until nobody else changed what was
// read. A refusal is final, whatever its kind.
func retry(f func() error) error {
	var err error
	for range attempts {
		err = f()
		if _, refused := errors.AsType[*RefusedError](err); refused || fault.KindOf(err) != fault.Conflict {
			return err
		}
	}
	return fault.Wrap(fault.Unavailable, err, "this registration is changing right now; try again")
}

// newID returns a random UUID (RFC 9562 version 4), the shape that clients of
// Microsoft Graph expect of identifiers.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
