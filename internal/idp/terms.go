package idp

import (
	"context"
	"slices"
	"strconv"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

// Facing says what is decided on a sign-in under way now, and takes it no step
// further: what a page asks that waits for its person to put things right.
func (s *Service) Facing(ctx context.Context, v Visit) (access.Ruling, error) {
	_, ruling, err := s.facing(ctx, v)
	return ruling, err
}

// askTerms shows the terms of use that must be accepted.
func (s *Service) askTerms(ctx context.Context, j *journey, terms []agreement.Agreement) (Step, error) {
	st, err := s.show(ctx, j, AskTerms)
	st.Terms, st.Viewed = terms, j.flow.Viewed
	return st, err
}

// TermsKey names the text that a person was shown: terms of use in one version.
func TermsKey(g agreement.Agreement) string {
	return string(g.ID) + "." + strconv.FormatInt(g.Version, 10)
}

// View notes that a person opened the text of terms of use, named by TermsKey.
func (s *Service) View(ctx context.Context, v Visit, key string) (Step, error) {
	j, ruling, err := s.facing(ctx, v)
	if err != nil {
		return Step{}, err
	}
	asked := slices.ContainsFunc(ruling.Terms, func(g agreement.Agreement) bool { return TermsKey(g) == key })
	if asked && !slices.Contains(j.flow.Viewed, key) {
		j.flow.Viewed = append(j.flow.Viewed, key)
	}
	return s.advance(ctx, j)
}

// facing resumes a sign-in with what is demanded of it now. It names terms of use
// only once nothing comes before them: a password alone accepts nothing in the
// name of somebody who has a second factor.
func (s *Service) facing(ctx context.Context, v Visit) (*journey, access.Ruling, error) {
	j, c, err := s.signedIn(ctx, v)
	if err != nil {
		return nil, access.Ruling{}, err
	}
	if c.MustChange {
		return j, access.Ruling{}, nil // comes first, whatever was posted
	}
	ruling, err := s.gate.Decide(ctx, j.ask(j.session.ID))
	if err != nil {
		return nil, access.Ruling{}, err
	}
	switch next := nextStep(ruling); {
	case next == access.Step(access.TermsOfUse):
		return j, ruling, nil
	case (next == access.Step(access.MFA) || next == access.Step(access.AuthenticationStrength)) && c.TOTPSealed == nil:
		if r, err := s.mayRegister(ctx, j); err != nil || r.Decision.Outcome != access.Granted {
			return j, r, err // what the page shows instead
		}
	}
	ruling.Terms = nil
	return j, ruling, nil
}

// Accept takes a person's acceptance of the terms of use that are missing now:
// those alone that were shown, by TermsKey, and none that had to be opened and
// was not.
func (s *Service) Accept(ctx context.Context, v Visit, shown []string) (Step, error) {
	j, ruling, err := s.facing(ctx, v)
	if err != nil {
		return Step{}, err
	}
	for _, g := range ruling.Terms {
		if !slices.Contains(shown, TermsKey(g)) {
			continue
		}
		if g.MustView && !slices.Contains(j.flow.Viewed, TermsKey(g)) {
			j.problem = "Open and read the text first."
			continue
		}
		err := s.store.Accept(ctx, agreement.Acceptance{
			Tenant: j.tenant.ID, Agreement: g.ID, Version: g.Version, User: j.user.ID, Device: deviceOf(ruling), AcceptedAt: s.now(),
		})
		if fault.KindOf(err) == fault.Conflict || fault.KindOf(err) == fault.Invalid {
			j.problem = fault.Detail(err)
			continue
		}
		if err != nil {
			return Step{}, err
		}
	}
	return s.advance(ctx, j)
}

// Decline says that a person does not accept; nothing is kept, and the sign-in
// goes no further.
func (s *Service) Decline(ctx context.Context, v Visit) (Step, error) {
	j, ruling, err := s.facing(ctx, v)
	if err != nil {
		return Step{}, err
	}
	if len(ruling.Terms) == 0 {
		return s.advance(ctx, j)
	}
	return s.deny(ctx, j, ruling)
}

func deviceOf(r access.Ruling) directory.DeviceID {
	if r.Facts.Device == nil {
		return ""
	}
	return r.Facts.Device.ID
}
