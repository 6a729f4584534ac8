package mam

import (
	"context"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/wire"
)

// The adapters that may measure health.
const (
	byWindows     = "windows"
	byDevelopment = "development"
)

// CheckIn records how the app and the PC are, and returns the verdict with what
// to do next. Versions, health, verdict, spent proof and the news that the
// verdict moved are saved together; when CheckIn returns, every decision
// already sees them.
//
// A check-in measured earlier than the last one is refused as a whole with
// fault.Conflict, so that a delayed report never replaces a newer one; the same
// instant again is a repetition and passes. One measured more than five minutes
// ahead of our clock is fault.Invalid: it would shut out every later report.
//
// Health that a development adapter made up is recorded as such; whether it
// counts is the tenant's setting, which the verdict reads.
func (s *Service) CheckIn(ctx context.Context, c Caller, id directory.RegistrationID, in wire.CheckIn) (wire.CheckInResult, error) {
	r, err := s.parse(in)
	if err != nil {
		return wire.CheckInResult{}, err
	}
	var out wire.CheckInResult
	err = retry(func() error {
		var err error
		out, err = s.checkIn(ctx, c, id, r)
		return err
	})
	if err != nil {
		return wire.CheckInResult{}, fmt.Errorf("check-in: %w", err)
	}
	return out, nil
}

// report is a check-in whose every member was understood.
type report struct {
	app, sdk, os string
	managed      bool
	adapter      string
	signal       threat.Signal
	measured     bool // providers were reported
	applied      string
	failed       []protection.Subject
	controls     []enforcement.Control
}

func (s *Service) parse(in wire.CheckIn) (report, error) {
	app, sdk, err := versions(in.AppVersion, in.SDKVersion)
	if err != nil {
		return report{}, err
	}
	os, err := parseOS("osVersion", in.OSVersion)
	if err != nil {
		return report{}, err
	}
	if in.Adapter != byWindows && in.Adapter != byDevelopment {
		return report{}, fault.New(fault.Invalid, "adapter is %q; it must be %q or %q", in.Adapter, byWindows, byDevelopment)
	}
	providers, err := threat.ParseProviders(in.Providers)
	if err != nil {
		return report{}, fault.Wrap(fault.Invalid, err, "providers: "+fault.Detail(err))
	}
	now := s.cfg.Now()
	switch {
	case in.MeasuredAt.IsZero():
		return report{}, fault.New(fault.Invalid, "measuredAt is missing; send when the PC was measured, as RFC 3339 UTC")
	case in.MeasuredAt.After(now.Add(maxSkew)):
		return report{}, fault.New(fault.Invalid, "measuredAt is %s; it is more than %s ahead of the service's %s: set the clock of this PC",
			in.MeasuredAt.UTC().Format(time.RFC3339), maxSkew, now.Format(time.RFC3339))
	}
	if err := checkName("policyEtag", in.PolicyETag); err != nil {
		return report{}, err
	}
	failed, err := subjects(in.FailedChecks)
	if err != nil {
		return report{}, err
	}
	controls, err := controls(in.Controls)
	if err != nil {
		return report{}, err
	}
	return report{
		app: app, sdk: sdk, os: os.String(), adapter: in.Adapter, applied: in.PolicyETag, failed: failed, controls: controls,
		managed:  in.Management != (wire.Management{}),
		measured: len(providers) > 0,
		signal: threat.Signal{
			Source: threat.FromAgent, States: threat.FromProviders(providers),
			ReportedAt: in.MeasuredAt.UTC(), ReceivedAt: now,
		},
	}, nil
}

// controls reads how far an app enforces its policy.
func controls(in []wire.Control) ([]enforcement.Control, error) {
	var all []enforcement.Control
	for _, c := range in {
		all = append(all, enforcement.Control{Control: c.Control, State: enforcement.State(c.State), By: c.By, Gaps: c.Gaps})
	}
	all, err := enforcement.Parse(all)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "controls: "+fault.Detail(err))
	}
	return all, nil
}

func versions(app, sdk string) (string, string, error) {
	a, err := parseVersion("appVersion", app)
	if err != nil {
		return "", "", err
	}
	k, err := parseVersion("sdkVersion", sdk)
	if err != nil {
		return "", "", err
	}
	return a.String(), k.String(), nil
}

func (s *Service) checkIn(ctx context.Context, c Caller, id directory.RegistrationID, r report) (wire.CheckInResult, error) {
	f, err := s.read(ctx, c.Tenant, id)
	if err != nil {
		return wire.CheckInResult{}, err
	}
	if err := c.opens(f.reg); err != nil {
		return wire.CheckInResult{}, err
	}
	change := Change{Proof: &c.Proof}
	if err := f.take(r, &change); err != nil {
		return wire.CheckInResult{}, err
	}
	if err := s.settle(ctx, &f, &change); err != nil {
		return wire.CheckInResult{}, err
	}
	f.reg.acknowledge()
	waiting := len(change.Operations)
	if (f.reg.WipePending || f.reg.DiagnosticsPending) && waiting == 0 {
		open, err := s.open(ctx, f.reg)
		if err != nil {
			return wire.CheckInResult{}, err
		}
		waiting = len(open)
	}
	lease, err := s.lease(ctx, f.reg, f.etag)
	if err != nil {
		return wire.CheckInResult{}, err
	}
	if err := s.cfg.Store.Save(ctx, change); err != nil {
		return wire.CheckInResult{}, err
	}
	v := f.reg.Verdict
	return wire.CheckInResult{
		State: v.State.String(), Action: v.Action.String(), Reasons: reasons(v),
		PolicyETag: f.etag, Operations: waiting,
		CheckInSeconds: int(v.Retry(s.cfg.CheckInEvery).Seconds()), ServerTime: f.reg.LastSyncAt, Lease: lease,
	}, nil
}

// take enters r into f, and the signal into c.
//
// An agent that measured once and then leaves the providers out says that
// nobody knows any more: good news must not outlive its reports.
func (f *file) take(r report, c *Change) error {
	last := -1
	for i, g := range f.dossier.Signals {
		if g.Source == threat.FromAgent {
			last = i
		}
	}
	if last >= 0 && r.signal.ReportedAt.Before(f.dossier.Signals[last].ReportedAt) {
		return refuse(fault.Conflict, compliance.Refusal{
			Code: "stale",
			Text: fmt.Sprintf("This check-in was measured at %s, before the last one (%s)",
				r.signal.ReportedAt.Format(time.RFC3339Nano), f.dossier.Signals[last].ReportedAt.Format(time.RFC3339Nano)),
			Steps: []string{"Measure again and check in with the new report."},
		})
	}
	switch {
	case last >= 0:
		f.dossier.Signals[last] = r.signal
		c.Signal = &r.signal
	case r.measured:
		f.dossier.Signals = append(f.dossier.Signals, r.signal)
		c.Signal = &r.signal
	}
	f.reg.AppVersion, f.reg.SDKVersion, f.reg.OSVersion = r.app, r.sdk, r.os
	f.reg.Managed, f.reg.Development = r.managed, r.adapter == byDevelopment
	f.reg.Adapter, f.reg.AppliedETag = r.adapter, r.applied
	f.reg.FailedChecks, f.reg.Controls = r.failed, r.controls
	f.reg.LastSyncAt = r.signal.ReceivedAt
	return nil
}

func reasons(v compliance.Verdict) []wire.Reason {
	out := make([]wire.Reason, 0, len(v.Reasons))
	for _, r := range v.Reasons {
		out = append(out, wire.Reason{
			Code: r.Code, Action: r.Action.String(), Have: r.Have, Want: r.Want, Text: r.Text, Steps: r.Steps,
		})
	}
	return out
}
