package report

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/protection"
)

// Flag is why an installation wants an admin's attention.
type Flag struct {
	Reason string // "healthCheckFailed", "threatLevel", "osOutOfRange", "appOutOfRange", "staleCheckIn", "accountDisabled"
	Detail string
}

// staleAfter is how long an installation may stay away before it is flagged.
const staleAfter = 7 * 24 * time.Hour

// flags names the flag behind a failed health check.
var flags = map[string]string{
	string(protection.MaxThreatLevel): "threatLevel", string(protection.MinOSVersion): "osOutOfRange", string(protection.MaxOSVersion): "osOutOfRange",
	string(protection.MinAppVersion): "appOutOfRange", string(protection.MinSDKVersion): "appOutOfRange",
	string(protection.DisabledAccount): "accountDisabled", string(protection.OfflineGrace): "staleCheckIn",
}

// Flags says why an installation wants attention; none when it is well.
func Flags(i Installation, now time.Time) []Flag {
	var out []Flag
	for _, r := range i.Verdict.Reasons {
		reason := flags[r.Code]
		if reason == "" {
			reason = "healthCheckFailed"
		}
		out = append(out, Flag{reason, r.Text})
	}
	away := now.Sub(i.LastSyncAt)
	stale := !i.LastSyncAt.IsZero() && away > staleAfter
	if stale && !slices.ContainsFunc(out, func(f Flag) bool { return f.Reason == "staleCheckIn" }) {
		out = append(out, Flag{"staleCheckIn", fmt.Sprintf("The last check-in was %d days ago", int(away.Hours()/24))})
	}
	return out
}

// Flagged lists the identifiers of users with a flagged installation, sorted.
func (s *Service) Flagged(ctx context.Context, t directory.TenantID, q Query) ([]directory.UserID, error) {
	found := map[directory.UserID]bool{}
	now := s.cfg.Now()
	err := s.each(ctx, t, q, func(i Installation) error {
		if len(Flags(i, now)) > 0 {
			found[i.User.ID] = true
		}
		return nil
	})
	return slices.Sorted(maps.Keys(found)), err
}

// UserState is all that a help desk needs to know of one user.
type UserState struct {
	User          directory.User
	Groups        []directory.Group // direct and nested
	Onboarded     bool              // the tenant uses app protection
	Entitled      bool              // the user may use app protection
	Installations []Installation    // living and ended
	Orders        []Operation       // newest first, at most 100
	// Next says in sentences what follows, most urgent first.
	Next []string
}

// User tells the whole state of one user; fault.NotFound without one.
func (s *Service) User(ctx context.Context, t directory.TenantID, u directory.UserID, sees func(tags []string) bool) (UserState, error) {
	person, groups, err := s.cfg.Store.Person(ctx, t, u)
	if err != nil {
		return UserState{}, err
	}
	tenant, err := s.cfg.Store.Tenant(ctx, t)
	if err != nil {
		return UserState{}, err
	}
	out := UserState{User: person, Groups: groups, Onboarded: !tenant.Settings.ProtectionOff, Entitled: entitled(tenant, groups)}
	err = s.each(ctx, t, Query{User: u, Ended: true, Sees: sees}, func(i Installation) error {
		out.Installations = append(out.Installations, i)
		return nil
	})
	if err != nil {
		return out, err
	}
	orders, err := s.cfg.Store.Orders(ctx, t, Query{User: u, Limit: 100})
	if err != nil {
		return out, err
	}
	out.Orders = slices.DeleteFunc(orders, func(o Operation) bool { return sees != nil && !sees(o.Installation.ScopeTags) })
	out.Next = next(out, s.cfg.Now())
	return out, nil
}

func entitled(t directory.Tenant, groups []directory.Group) bool {
	return t.Settings.EntitledGroup == "" || slices.ContainsFunc(groups, func(g directory.Group) bool { return g.ID == t.Settings.EntitledGroup })
}

// next says what follows from a state, for who has to help.
func next(s UserState, now time.Time) []string {
	var out []string
	say := func(really bool, format string, args ...any) {
		if really {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	living := slices.DeleteFunc(slices.Clone(s.Installations), func(i Installation) bool { return !i.EndedAt.IsZero() })
	say(!s.User.Enabled, "The account is disabled: nobody can sign in with it. Enable it if the person should have access.")
	say(s.User.Wipe != nil, "All apps of this user are being wiped, again and again, until the order is removed.")
	say(!s.Onboarded, "App protection is off for the whole organization: no app can enroll.")
	say(!s.Entitled, "The user is not in the group that may use app protection: no app can enroll.")
	say(len(living) == 0, "No app of this user is enrolled. The person enrolls by signing in to the protected app.")
	for _, i := range living {
		where := fmt.Sprintf("%s on %s", i.App, i.DeviceName)
		say(i.WipePending, "%s: organization data is being removed; it ends when the PC is online and the app runs.", where)
		say(len(i.Intended) == 0, "%s: no policy targets this user and app, so access that wants a protected app stays closed. Assign a policy to a group of the user.", where)
		say(len(i.Intended) > 0 && !i.UpToDate, "%s: the newest policy has not been confirmed by the app yet.", where)
		for _, r := range i.Verdict.Reasons {
			steps := ""
			for _, step := range r.Steps {
				steps += " " + step
			}
			say(true, "%s: %s.%s", where, r.Text, steps)
		}
		say(!i.LastSyncAt.IsZero() && now.Sub(i.LastSyncAt) > staleAfter, "%s: last heard of on %s.", where, i.LastSyncAt.Format(time.DateOnly))
	}
	return out
}
