package mam

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/wire"
)

// What diagnostics may hold (wire.Diagnostics).
const (
	maxFacts    = 64
	maxLogLines = 500
	maxText     = 1024 // runes of a fact or line
	maxYear     = 9999 // RFC 3339 has no later one
)

// RequestDiagnostics asks a living registration's app for its diagnostics and
// returns the operation; the one that is under way when there is one. Its Answer
// is what the device sent. fault.Conflict when the registration has ended.
func (s *Service) RequestDiagnostics(ctx context.Context, t directory.TenantID, id directory.RegistrationID, by audit.Actor) (Operation, error) {
	var out Operation
	err := retry(func() error {
		reg, err := s.cfg.Store.Registration(ctx, t, id)
		if err != nil {
			return err
		}
		if !reg.EndedAt.IsZero() {
			return refuse(fault.Conflict, compliance.Refusal{
				Code: "registrationEnded", Text: fmt.Sprintf("This registration has ended (%s), so nobody would answer", reg.EndedFor),
				Steps: []string{"Ask a registration that is alive."},
			})
		}
		if reg.DiagnosticsPending {
			open, err := s.open(ctx, reg, Diagnostics)
			if err != nil {
				return err
			}
			if len(open) > 0 {
				out = open[0]
				return nil
			}
		}
		out, err = s.requestDiagnostics(ctx, reg, by)
		return err
	})
	if err != nil {
		return Operation{}, fmt.Errorf("request diagnostics: %w", err)
	}
	return out, nil
}

func (s *Service) requestDiagnostics(ctx context.Context, reg Registration, by audit.Actor) (Operation, error) {
	op, err := s.order(ctx, reg, Diagnostics, asked{by: who(by)})
	if err != nil {
		return Operation{}, err
	}
	reg.DiagnosticsPending = true
	return op, s.cfg.Store.Save(ctx, Change{
		Registration: &reg, Operations: []Operation{op}, Entries: []audit.Entry{s.entry(reg, op, by, "diagnostics requested")},
		Events: []event.Event{event.DiagnosticsRequested{
			Installation: reg.Installation, Registration: reg.Standing.Registration, Operation: op.ID, At: op.RequestedAt,
		}},
	})
}

// Answer takes in the diagnostics that an operation asked a device for. A second
// answer changes nothing. What is not as the protocol says is refused by name.
func (s *Service) Answer(ctx context.Context, c Caller, id directory.RegistrationID, operation string, d wire.Diagnostics) error {
	doc, err := checkDiagnostics(d)
	if err != nil {
		return err
	}
	err = retry(func() error {
		reg, err := s.Open(ctx, c, id)
		if err != nil {
			return err
		}
		op, err := s.operation(ctx, reg, operation)
		if err != nil || op.State == Done {
			return err
		}
		if op.kind() != Diagnostics || !op.isOpen() {
			return fault.New(fault.Invalid, "operation %q is a %s that is %s; only open diagnostics are answered", op.ID, op.kind(), op.State)
		}
		op.Answer, op.State, op.ModifiedAt = doc, Done, s.cfg.Now()
		reg.DiagnosticsPending = false
		return s.cfg.Store.Save(ctx, Change{Registration: &reg, Operations: []Operation{op}, Proof: &c.Proof})
	})
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	return nil
}

// checkDiagnostics returns d as JSON, in UTC.
func checkDiagnostics(d wire.Diagnostics) (string, error) {
	// A clock that is wrong is no reason to refuse: it may be what is looked for.
	if y := d.CollectedAt.UTC().Year(); d.CollectedAt.IsZero() || y > maxYear {
		return "", fault.New(fault.Invalid, "collectedAt is missing or beyond the year %d; send when the diagnostics were collected, as RFC 3339 UTC", maxYear)
	}
	if d.LastSync.UTC().Year() > maxYear {
		return "", fault.New(fault.Invalid, "lastSync is beyond the year %d; send when the app checked in last, as RFC 3339 UTC", maxYear)
	}
	if _, _, err := versions(d.AppVersion, d.SDKVersion); err != nil {
		return "", err
	}
	if d.OSVersion != "" { // what cannot be measured is not known
		if _, err := parseOS("osVersion", d.OSVersion); err != nil {
			return "", err
		}
	}
	if err := checkName("policyEtag", d.PolicyETag); err != nil {
		return "", err
	}
	if d.State != "" {
		if _, err := compliance.ParseState(d.State); err != nil {
			return "", fault.Wrap(fault.Invalid, err, "state: "+fault.Detail(err))
		}
	}
	if err := checkLists(d); err != nil {
		return "", err
	}
	d.CollectedAt, d.LastSync = d.CollectedAt.UTC(), d.LastSync.UTC()
	doc, err := json.Marshal(d)
	return string(doc), err
}

func checkLists(d wire.Diagnostics) error {
	if n := len(d.Facts); n > maxFacts {
		return fault.New(fault.Invalid, "facts has %d members; at most %d are allowed", n, maxFacts)
	}
	if n := len(d.Log); n > maxLogLines {
		return fault.New(fault.Invalid, "log has %d lines; at most %d are allowed", n, maxLogLines)
	}
	for name, value := range d.Facts {
		if name == "" {
			return fault.New(fault.Invalid, "a member of facts has no name")
		}
		if err := checkName("a name in facts", name); err != nil {
			return err
		}
		if err := checkText("facts."+name, value); err != nil {
			return err
		}
	}
	for i, line := range d.Log {
		if err := checkText(fmt.Sprintf("log[%d]", i), line); err != nil {
			return err
		}
	}
	return nil
}

// checkText refuses what would not show on one line.
func checkText(field, value string) error {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\t' }
	if !utf8.ValidString(value) || strings.ContainsFunc(value, control) {
		return fault.New(fault.Invalid, "%s is %.64q; control characters are not allowed", field, value)
	}
	if n := utf8.RuneCountInString(value); n > maxText {
		return fault.New(fault.Invalid, "%s has %d characters; at most %d are allowed", field, n, maxText)
	}
	return nil
}
