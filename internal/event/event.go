// Package event holds the facts that rooms announce.
//
// An event is stored in the same transaction as the change it tells of and is
// delivered at least once, in order. Names are past tense; CAEP names stay
// outside. Handlers must be idempotent.
package event

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/directory"
)

// Event is one fact. The set is closed: Encode and Decode know every kind.
type Event interface {
	// Subject says whom the fact concerns. Empty fields mean "all of them".
	Subject() Subject
	kind() string
}

// Subject narrows whom a fact concerns, for handlers that hold something open.
type Subject struct {
	Tenant  directory.TenantID
	User    directory.UserID
	Device  directory.DeviceID
	App     directory.PackageID
	Session directory.SessionID
}

// Handler reacts to a fact. It may see the same fact twice.
type Handler func(context.Context, Event) error

type (
	// ComplianceChanged tells that the stored verdict of an installation moved
	// (CAEP: device-compliance-change). From and To are compliance states by name.
	ComplianceChanged struct {
		directory.Installation
		Registration directory.RegistrationID
		From, To     string
		At           time.Time
	}
	// ThreatChanged tells that a threat report about an installation arrived.
	ThreatChanged struct {
		directory.Installation
		Registration directory.RegistrationID
		At           time.Time
	}
	// RegistrationChanged tells that an installation enrolled, was renewed or ended.
	RegistrationChanged struct {
		directory.Installation
		Registration directory.RegistrationID
		Ended        bool
		At           time.Time
	}
	// WipeRequested tells that an admin or a health check ordered a selective wipe.
	WipeRequested struct {
		directory.Installation
		Registration directory.RegistrationID
		Operation    string
		At           time.Time
	}
	// DiagnosticsRequested tells that an admin asked an app for its diagnostics.
	DiagnosticsRequested struct {
		directory.Installation
		Registration directory.RegistrationID
		Operation    string
		At           time.Time
	}
	// WipeReported tells that an agent acknowledged a wipe with a receipt.
	WipeReported struct {
		directory.Installation
		Registration directory.RegistrationID
		Operation    string
		At           time.Time
	}
	// ConfigChanged tells that policies, groups, applications, connectors or
	// settings of a tenant changed.
	ConfigChanged struct {
		Tenant directory.TenantID
		What   string // for people: "conditional access policy", "group", ...
		Reach  *Reach // whom it can affect; nil: everyone
		At     time.Time
	}
	// Reach bounds whom a change of configuration can affect: users in one of
	// Groups (direct and nested) or, when AllUsers, everyone, with one of Apps.
	// A change from one audience to another reaches both. Apps nil: every app;
	// empty: none.
	Reach struct {
		AllUsers bool
		Groups   []directory.GroupID
		Apps     []directory.PackageID
	}
	// UserChanged tells that a user was changed, disabled or deleted.
	UserChanged struct {
		Tenant directory.TenantID
		User   directory.UserID
		At     time.Time
	}
	// SessionRevoked tells that a sign-in session ended (CAEP: session-revoked).
	SessionRevoked struct {
		Tenant  directory.TenantID
		User    directory.UserID
		Session directory.SessionID
		Reason  string
		At      time.Time
	}
)

func of(in directory.Installation) Subject {
	return Subject{Tenant: in.Tenant, User: in.User, Device: in.Device, App: in.App}
}

// Subject is the installation.
func (e ComplianceChanged) Subject() Subject { return of(e.Installation) }

// Subject is the installation.
func (e ThreatChanged) Subject() Subject { return of(e.Installation) }

// Subject is the installation.
func (e RegistrationChanged) Subject() Subject { return of(e.Installation) }

// Subject is the installation.
func (e WipeRequested) Subject() Subject { return of(e.Installation) }

// Subject is the installation.
func (e DiagnosticsRequested) Subject() Subject { return of(e.Installation) }

// Subject is the installation.
func (e WipeReported) Subject() Subject { return of(e.Installation) }

// Subject is the whole tenant.
func (e ConfigChanged) Subject() Subject { return Subject{Tenant: e.Tenant} }

// Subject is the user on every device.
func (e UserChanged) Subject() Subject { return Subject{Tenant: e.Tenant, User: e.User} }

// Subject is the session.
func (e SessionRevoked) Subject() Subject {
	return Subject{Tenant: e.Tenant, User: e.User, Session: e.Session}
}

func (ComplianceChanged) kind() string    { return "complianceChanged" }
func (ThreatChanged) kind() string        { return "threatChanged" }
func (RegistrationChanged) kind() string  { return "registrationChanged" }
func (WipeRequested) kind() string        { return "wipeRequested" }
func (DiagnosticsRequested) kind() string { return "diagnosticsRequested" }
func (WipeReported) kind() string         { return "wipeReported" }
func (ConfigChanged) kind() string        { return "configChanged" }
func (UserChanged) kind() string          { return "userChanged" }
func (SessionRevoked) kind() string       { return "sessionRevoked" }

// Encode returns the name of e's kind and e as JSON, for storage.
func Encode(e Event) (kind string, doc []byte, err error) {
	doc, err = json.Marshal(e)
	return e.kind(), doc, err
}

// Decode is the inverse of Encode. An unknown kind is an error: an older
// program must not skip what a newer one announced.
func Decode(kind string, doc []byte) (Event, error) {
	switch kind {
	case "complianceChanged":
		return decode[ComplianceChanged](doc)
	case "threatChanged":
		return decode[ThreatChanged](doc)
	case "registrationChanged":
		return decode[RegistrationChanged](doc)
	case "wipeRequested":
		return decode[WipeRequested](doc)
	case "diagnosticsRequested":
		return decode[DiagnosticsRequested](doc)
	case "wipeReported":
		return decode[WipeReported](doc)
	case "configChanged":
		return decode[ConfigChanged](doc)
	case "userChanged":
		return decode[UserChanged](doc)
	case "sessionRevoked":
		return decode[SessionRevoked](doc)
	}
	return nil, fmt.Errorf("event: unknown kind %q", kind)
}

func decode[E Event](doc []byte) (Event, error) {
	var e E
	if err := json.Unmarshal(doc, &e); err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return e, nil
}
