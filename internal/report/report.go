// Package report answers what admins ask about many installations at once: app
// protection and configuration status, flagged users, selective wipes, and all
// that a help desk needs to know of one user.
//
// A report is read and written row by row, so that a million installations cost
// no more memory than one. What it says is what the service stored last; access
// is decided from live facts, never from a report.
//
// # Sources
//
// Columns follow Intune's "App protection status" and "App configuration status"
// (docs/spec/windows-mam.md section 10). Reasons to flag a user on Windows are our
// own: Graph's list knows none.
package report

import (
	"context"
	"errors"
	"time"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/internal/fault"
)

// Policy is a policy that applies to an installation, at a version.
type Policy struct {
	ID       string
	Name     string // empty: it was deleted since
	Revision int64
}

// Installation is one app of one user on one device, as reports show it.
type Installation struct {
	Registration directory.RegistrationID
	User         directory.User
	App          directory.PackageID
	AppVersion   string
	SDKVersion   string
	Device       directory.DeviceID
	DeviceName   string
	Manufacturer string
	Model        string
	Platform     string // "windows"
	OSVersion    string
	Adapter      string // who measured health
	EnrolledAt   time.Time
	LastSyncAt   time.Time
	EndedAt      time.Time // zero: alive
	EndedFor     string
	WipePending  bool
	Verdict      compliance.Verdict // as of the last judgment
	Intended     []Policy
	Applied      []Policy
	UpToDate     bool                  // the app said it applies what is intended
	Controls     []enforcement.Control // how far the app says that it enforces; nil: it never said
	ScopeTags    []string
}

// Operation is one order to one installation, as reports show it.
type Operation struct {
	ID           string
	Cursor       string // where it is in the list
	Kind         string // "wipe", "diagnostics"
	State        string
	RequestedBy  string
	Reason       string
	RequestedAt  time.Time
	ModifiedAt   time.Time
	Installation Installation
}

// Query narrows a report. Zero fields do not narrow.
type Query struct {
	User  directory.UserID
	App   directory.PackageID
	Ended bool // include what ended
	After string
	Limit int
	// Sees tells whether the reader's role covers an installation; nil: all.
	Sees func(tags []string) bool
}

// Store is what reports read, in identifier order.
type Store interface {
	// Installations lists installations behind the one with identifier q.After.
	Installations(ctx context.Context, t directory.TenantID, q Query) ([]Installation, error)
	// Orders lists operations, newest first, behind the one with identifier q.After.
	Orders(ctx context.Context, t directory.TenantID, q Query) ([]Operation, error)
	// Person returns a user with all groups, direct and nested.
	Person(ctx context.Context, t directory.TenantID, u directory.UserID) (directory.User, []directory.Group, error)
	// Tenant returns the tenant with its settings.
	Tenant(ctx context.Context, t directory.TenantID) (directory.Tenant, error)
}

// Config wires a Service.
type Config struct {
	Store Store
	Now   func() time.Time // nil: time.Now in UTC
}

// Service is the report room. It is safe for concurrent use.
type Service struct{ cfg Config }

// New returns the room, or what is missing.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil {
		return nil, errors.New("report: no Store")
	}
	if cfg.Now == nil {
		cfg.Now = func() time.Time { return time.Now().UTC() }
	}
	return &Service{cfg}, nil
}

const batch = 200

// each visits every installation of a query, in constant memory.
func (s *Service) each(ctx context.Context, t directory.TenantID, q Query, visit func(Installation) error) error {
	q.Limit = batch
	for {
		found, err := s.cfg.Store.Installations(ctx, t, q)
		if err != nil {
			return err
		}
		for _, i := range found {
			q.After = string(i.Registration)
			if q.Sees != nil && !q.Sees(i.ScopeTags) {
				continue
			}
			if err := visit(i); err != nil {
				return err
			}
		}
		if len(found) < q.Limit {
			return nil
		}
	}
}

// orders visits every operation of a query, newest first.
func (s *Service) orders(ctx context.Context, t directory.TenantID, q Query, visit func(Operation) error) error {
	q.Limit = batch
	for {
		found, err := s.cfg.Store.Orders(ctx, t, q)
		if err != nil {
			return err
		}
		for _, o := range found {
			q.After = o.Cursor
			if q.Sees != nil && !q.Sees(o.Installation.ScopeTags) {
				continue
			}
			if err := visit(o); err != nil {
				return err
			}
		}
		if len(found) < q.Limit {
			return nil
		}
	}
}

// Name says which report is asked for, as Intune's export names it.
type Name string

// The reports.
const (
	ProtectionStatus    Name = "MAMAppProtectionStatus"
	ConfigurationStatus Name = "MAMAppConfigurationStatus"
	FlaggedUsers        Name = "MAMFlaggedUsers"
	SelectiveWipes      Name = "MAMSelectiveWipes"
)

// Names lists the reports there are.
func Names() []Name {
	return []Name{ProtectionStatus, ConfigurationStatus, FlaggedUsers, SelectiveWipes}
}

// ParseName reads the name of a report.
func ParseName(s string) (Name, error) {
	for _, n := range Names() {
		if string(n) == s {
			return n, nil
		}
	}
	return "", fault.New(fault.Invalid, "reportName is %q; valid are %v", s, Names())
}

// Write writes a report row by row; each row has the columns of Columns(n).
func (s *Service) Write(ctx context.Context, t directory.TenantID, n Name, q Query, row func([]string) error) error {
	now := s.cfg.Now()
	switch n {
	case ProtectionStatus, ConfigurationStatus:
		kind := map[Name]byte{ProtectionStatus: 'T', ConfigurationStatus: 'A'}[n]
		return s.each(ctx, t, q, func(i Installation) error { return row(status(i, kind)) })
	case FlaggedUsers:
		return s.each(ctx, t, q, func(i Installation) error {
			for _, f := range Flags(i, now) {
				if err := row(flagged(i, f)); err != nil {
					return err
				}
			}
			return nil
		})
	case SelectiveWipes:
		return s.orders(ctx, t, q, func(o Operation) error {
			if o.Kind != "wipe" {
				return nil
			}
			return row(order(o))
		})
	}
	_, err := ParseName(string(n))
	return err
}
