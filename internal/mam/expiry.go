package mam

import (
	"context"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/protection"
)

// How long things are kept (windows-mam.md sections 2 and 6).
const (
	silentFor    = 90 * 24 * time.Hour // a registration without a check-in, until it ends
	endedFor     = 90 * 24 * time.Hour // one that ended
	finishedFor  = 4 * 24 * time.Hour  // an operation that came to its end, and one on top of wipeAfter
	wipeAfter    = 90 * 24 * time.Hour // offline, where no policy says otherwise
	expired      = "expired"           // Registration.EndedFor
	forgetAtOnce = 200                 // rows of a kind in one transaction
)

// Retention says how old things may become. Each instant is the latest that is
// too old.
type Retention struct {
	Finished time.Time // operations done, failed or cancelled by then
	Open     time.Time // operations asked for by then that nobody will carry out: their registration has ended
	Ended    time.Time // registrations that ended by then, with all about them
}

// Swept tells what a sweep did.
type Swept struct {
	Expired       int // registrations that ended, because they had been silent
	Operations    int // removed
	Registrations int // removed
}

// Sweep ends the tenant's registrations that have not checked in for 90 days,
// and removes what is kept no longer: operations four days after they finished,
// open ones of ended registrations once the offline wipe and four days have
// passed (94 days where no policy says otherwise), registrations 90 days after
// they ended. The record of administration stays.
//
// It works page by page, so that nobody waits long behind it; a sweep that was
// cut short leaves the rest to the next. Call it hourly.
func (s *Service) Sweep(ctx context.Context, t directory.TenantID) (Swept, error) {
	var done Swept
	now := s.cfg.Now()
	policies, err := s.cfg.Store.Policies(ctx, t)
	if err != nil {
		return done, fmt.Errorf("sweep: %w", err)
	}
	keep := Retention{
		Finished: now.Add(-finishedFor), Ended: now.Add(-endedFor),
		Open: now.Add(-finishedFor - longestOffline(policies)),
	}
	if err := s.expireAll(ctx, t, keep.Open, &done); err != nil {
		return done, fmt.Errorf("sweep: %w", err)
	}
	for {
		ops, regs, err := s.cfg.Store.Forget(ctx, t, keep, forgetAtOnce)
		if err != nil {
			return done, fmt.Errorf("sweep: %w", err)
		}
		done.Operations += ops
		done.Registrations += regs
		if ops < forgetAtOnce && regs < forgetAtOnce {
			return done, nil
		}
	}
}

// longestOffline is the longest time after which one of the policies wipes a PC
// that stays away.
func longestOffline(policies []protection.Policy) time.Duration {
	var longest time.Duration
	for _, p := range policies {
		for _, c := range p.Settings.Checks {
			if c.Subject == protection.OfflineGrace && c.Action == protection.Wipe {
				longest = max(longest, c.After)
			}
		}
	}
	if longest == 0 {
		return wipeAfter
	}
	return longest
}

// expireAll ends whoever has been silent for too long. An open wipe that was
// asked for after youngest keeps its registration.
func (s *Service) expireAll(ctx context.Context, t directory.TenantID, youngest time.Time, done *Swept) error {
	var last Silence
	for {
		page, err := s.cfg.Store.Silent(ctx, t, s.cfg.Now().Add(-silentFor), last)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, r := range page {
			ended, err := s.expire(ctx, t, r.Registration, youngest)
			if err != nil {
				return err
			}
			if ended {
				done.Expired++
			}
		}
		last = page[len(page)-1]
	}
}

func (s *Service) expire(ctx context.Context, t directory.TenantID, id directory.RegistrationID, youngest time.Time) (ended bool, err error) {
	err = retry(func() error {
		ended = false
		reg, err := s.cfg.Store.Registration(ctx, t, id)
		if err != nil || !reg.EndedAt.IsZero() || reg.HeardOfAt().After(s.cfg.Now().Add(-silentFor)) {
			return gone(err)
		}
		open, err := s.open(ctx, reg)
		if err != nil {
			return err
		}
		for _, op := range open {
			if op.kind() == Wipe && op.RequestedAt.After(youngest) {
				return nil
			}
		}
		ended = true
		return s.cfg.Store.Save(ctx, s.lapse(reg, open))
	})
	return ended && err == nil, err
}

// lapse is the change that ends a registration for its silence. What its device
// never carried out has failed.
func (s *Service) lapse(reg Registration, open []Operation) Change {
	now := s.cfg.Now()
	reg.WipePending, reg.DiagnosticsPending = false, false
	c := end(reg, expired, now)
	for _, op := range open {
		op.State, op.ModifiedAt = Failed, now
		c.Operations = append(c.Operations, op)
		c.Entries = append(c.Entries, s.entry(reg, op, itself(), string(op.kind())+" failed"))
	}
	c.Entries = append(c.Entries, audit.Entry{
		ID: newID(), Tenant: reg.Tenant, At: now, Actor: itself(), Operation: audit.Action, Activity: "registration expired",
		Kind: audit.Registration, Target: string(reg.Standing.Registration), Name: string(reg.App) + " on " + reg.DeviceName,
		ScopeTags: reg.Intended.ScopeTags, Revision: reg.Revision + 1,
	})
	return c
}
