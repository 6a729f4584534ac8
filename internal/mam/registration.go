package mam

import (
	"context"
	"fmt"
	"strings"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/wire"
)

// Why a registration ended.
const (
	signedOut  = "signedOut"
	wiped      = "wiped"
	superseded = "superseded"
)

// Get returns a registration of the tenant, living or ended, or fault.NotFound.
func (s *Service) Get(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (Registration, error) {
	return s.cfg.Store.Registration(ctx, t, id)
}

// List returns registrations of the tenant in identifier order.
func (s *Service) List(ctx context.Context, t directory.TenantID, f Filter) ([]Registration, error) {
	return s.cfg.Store.List(ctx, t, f)
}

// Count returns how many registrations of the tenant List would give, page by
// page; f.Before takes no part.
func (s *Service) Count(ctx context.Context, t directory.TenantID, f Filter) (int, error) {
	return s.cfg.Store.Count(ctx, t, f)
}

// Open returns the caller's own living registration.
func (s *Service) Open(ctx context.Context, c Caller, id directory.RegistrationID) (Registration, error) {
	reg, err := s.own(ctx, c, id)
	if err != nil {
		return Registration{}, err
	}
	return reg, living(reg)
}

// opens is Open for a registration that was read already.
func (c Caller) opens(reg Registration) error {
	if err := c.owns(reg); err != nil {
		return err
	}
	return living(reg)
}

// own finds a registration that belongs to the caller: to the user, when the
// call names one, and to the key. Another user's registration does not exist
// for this one.
func (s *Service) own(ctx context.Context, c Caller, id directory.RegistrationID) (Registration, error) {
	reg, err := s.cfg.Store.Registration(ctx, c.Tenant, id)
	if err != nil {
		return Registration{}, err
	}
	return reg, c.owns(reg)
}

func (c Caller) owns(reg Registration) error {
	if c.User != "" && reg.User != c.User {
		return fault.New(fault.NotFound, "there is no registration %q", reg.Standing.Registration)
	}
	if reg.KeyThumbprint != c.Proof.JKT {
		return refuse(fault.Forbidden, compliance.Refusal{
			Code: "wrongKey", Text: "This registration belongs to another device key",
			Steps: []string{"Sign in to the app again to enroll this PC."},
		})
	}
	return nil
}

func living(reg Registration) error {
	if reg.EndedAt.IsZero() {
		return nil
	}
	return refuse(fault.Forbidden, compliance.Refusal{
		Code: "registrationEnded", Text: fmt.Sprintf("This registration has ended (%s)", reg.EndedFor),
		Steps: []string{"Sign in to the app again to enroll anew."},
	})
}

// Enroll registers one app of the caller's user on the caller's device and
// returns the first policy. An older registration of the same installation ends.
//
// Refused, with the remedy: a device of another key, a disabled user or device,
// an unsupported Windows build or version, one user too many on the device, and
// an installation whose wipe is not finished. A registration that is to be wiped and
// never checked in may be one that its PC knows nothing of, since the answer was
// lost: that one is given again, so that the PC can obey.
func (s *Service) Enroll(ctx context.Context, c Caller, e wire.Enroll) (wire.Enrollment, error) {
	var reg Registration
	n := newcomer{Caller: c, proof: &c.Proof}
	err := retry(func() error {
		var err error
		reg, err = s.enroll(ctx, &n, e)
		return err
	})
	if err != nil {
		return wire.Enrollment{}, fmt.Errorf("enroll: %w", err)
	}
	policy, err := s.Policy(ctx, c, reg.Registration)
	if err != nil {
		return wire.Enrollment{}, fmt.Errorf("enroll: %w", err)
	}
	keys, err := s.orderKeys(ctx)
	if err != nil {
		return wire.Enrollment{}, fmt.Errorf("enroll: order keys: %w", err)
	}
	return wire.Enrollment{
		RegistrationID: string(reg.Registration), TenantID: string(c.Tenant), UserID: string(c.User),
		Policy: policy, OrderKeys: keys,
	}, nil
}

// newcomer is a caller whose proof is spent by the first of several saves, so
// that a replayed one changes nothing at all.
type newcomer struct {
	Caller
	proof *oauth.Proof // nil: spent
}

func (s *Service) enroll(ctx context.Context, n *newcomer, e wire.Enroll) (Registration, error) {
	app, sdk, err := versions(e.AppVersion, e.SDKVersion)
	if err != nil {
		return Registration{}, err
	}
	d, who, err := s.enrollable(ctx, n.Caller, e)
	if err != nil {
		return Registration{}, err
	}
	now := s.cfg.Now()
	reg := Registration{
		Standing: compliance.Standing{
			Registration: directory.RegistrationID(newID()),
			Installation: directory.Installation{Tenant: n.Tenant, User: n.User, App: directory.PackageID(e.App), Device: d.ID},
			Platform:     d.Platform, AppVersion: app, SDKVersion: sdk, OSVersion: d.OSVersion,
			EnrolledAt: now,
		},
		DeviceName: d.DisplayName, DeviceModel: d.Model, Manufacturer: d.Manufacturer, KeyThumbprint: d.KeyThumbprint,
	}
	if err := s.greet(&reg, who, d); err != nil {
		return Registration{}, err
	}
	older, err := s.admit(ctx, reg.Standing, who.Demands.Settings.MaxUsersPerDevice)
	if err != nil {
		return Registration{}, err
	}
	for _, o := range older {
		if o.WipePending {
			return o, nil
		}
	}
	// The older one ends first and by itself: should this stop half-way, the
	// installation is out, and asking again completes it.
	for _, o := range older {
		change := end(o, superseded, now)
		change.Proof = n.proof
		if err := s.cfg.Store.Save(ctx, change); err != nil {
			return Registration{}, err
		}
		n.proof = nil
	}
	return reg, s.cfg.Store.Save(ctx, Change{
		Registration: &reg, Proof: n.proof,
		Events: []event.Event{event.RegistrationChanged{Installation: reg.Installation, Registration: reg.Registration, At: now}},
	})
}

// greet notes what a newcomer should apply.
func (s *Service) greet(reg *Registration, who Dossier, d directory.Device) error {
	who.Standing, who.Manufacturer, who.Model = reg.Standing, d.Manufacturer, d.Model
	f := file{reg: *reg, dossier: who}
	err := s.intend(&f, who.intends(), reg.EnrolledAt)
	*reg = f.reg
	return err
}

// refused makes one error of all that stands against an enrolment: the first
// gives the code, every one its reason and steps.
func refused(all []compliance.Refusal) error {
	if len(all) == 0 {
		return nil
	}
	one := compliance.Refusal{Code: all[0].Code}
	texts := make([]string, 0, len(all))
	for _, r := range all {
		texts = append(texts, r.Text)
		one.Steps = append(one.Steps, r.Steps...)
	}
	one.Text = strings.Join(texts, "; ")
	return refuse(fault.Forbidden, one)
}

// enrollable returns the caller's device, and what is known of its user, if that
// user may enrol on it.
func (s *Service) enrollable(ctx context.Context, c Caller, e wire.Enroll) (directory.Device, Dossier, error) {
	if e.App == "" {
		return directory.Device{}, Dossier{}, fault.New(fault.Invalid, "app is empty; send the package identifier, for example com.microsoft.edge")
	}
	if err := checkName("app", e.App); err != nil {
		return directory.Device{}, Dossier{}, err
	}
	d, err := s.cfg.Store.Device(ctx, c.Tenant, directory.DeviceID(e.DeviceID))
	if err != nil {
		return directory.Device{}, Dossier{}, err
	}
	if d.KeyThumbprint != c.Proof.JKT {
		return directory.Device{}, Dossier{}, refuse(fault.Forbidden, compliance.Refusal{
			Code: "wrongKey", Text: "This device belongs to another key", Steps: []string{"Register this PC again."},
		})
	}
	if !d.Enabled {
		return directory.Device{}, Dossier{}, refuse(fault.Forbidden, disabledDevice())
	}
	who, err := s.cfg.Store.Candidate(ctx, c.Tenant, c.User, directory.PackageID(e.App))
	if err != nil {
		return directory.Device{}, Dossier{}, err
	}
	return d, who, welcome(who.Dossier)
}

// welcome refuses a user who may not enrol anywhere.
func welcome(d compliance.Dossier) error {
	if !d.User.Enabled {
		return refuse(fault.Forbidden, compliance.Refusal{
			Code: "userDisabled", Text: "This account is disabled", Steps: []string{"Ask your administrator to enable your account."},
		})
	}
	if d.User.Wipe != nil {
		return refuse(fault.Forbidden, userWiped())
	}
	if why, barred := compliance.Barred(d); barred {
		return refuse(fault.Forbidden, compliance.Refusal{
			Code: why.Code, Text: why.Text, Steps: []string{"Ask your administrator, then sign in to the app again."},
		})
	}
	return nil
}

// admit makes sure that a newcomer is supported and has room beside what lives
// on the device, and returns the older registrations that it replaces. One with
// an unfinished wipe ends in no other way, so the living ones are all to look at; one
// of those is among them when it never checked in.
func (s *Service) admit(ctx context.Context, n compliance.Standing, maxUsers int) ([]Registration, error) {
	others := map[directory.UserID]bool{}
	var older []Registration
	err := s.each(ctx, n.Tenant, Filter{Device: n.Device}, func(r Registration) error {
		switch {
		case r.User != n.User:
			others[r.User] = true
		case r.App == n.App && r.WipePending && !r.LastSyncAt.IsZero():
			return refuse(fault.Forbidden, wipePending())
		case r.App == n.App:
			older = append(older, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return older, refused(compliance.Supported(compliance.Candidate{
		Platform: n.Platform, OSVersion: n.OSVersion, App: n.App, AppVersion: n.AppVersion,
		OtherUsers: len(others), MaxUsers: maxUsers,
	}))
}

// each calls f for every registration that matches, page by page.
func (s *Service) each(ctx context.Context, t directory.TenantID, q Filter, f func(Registration) error) error {
	q.Limit = pageSize
	for {
		page, err := s.cfg.Store.List(ctx, t, q)
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := f(r); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
		q.After = page[len(page)-1].Registration
	}
}

// SignOut ends a registration at the wish of its device, and with it every
// report about it. Ending an ended one is no error. While a wipe is unfinished
// it is refused: the order must stay deliverable.
func (s *Service) SignOut(ctx context.Context, c Caller, id directory.RegistrationID) error {
	err := retry(func() error {
		reg, err := s.own(ctx, c, id)
		if err != nil {
			return err
		}
		if !reg.EndedAt.IsZero() {
			return nil
		}
		if reg.WipePending {
			return refuse(fault.Conflict, wipePending())
		}
		change := end(reg, signedOut, s.cfg.Now())
		change.Proof = &c.Proof
		return s.cfg.Store.Save(ctx, change)
	})
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

func wipePending() compliance.Refusal {
	return compliance.Refusal{
		Code: "wipePending", Text: "Organization data on this PC is being removed, and this is not finished yet",
		Steps: []string{"Keep the protected app open and connected until the removal is done.", "Then sign in again."},
	}
}
