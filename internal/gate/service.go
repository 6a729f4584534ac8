package gate

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
)

// The codes of refusals that no policy makes, as Entra numbers them.
const (
	CodeSessionEnded    = 50173 // revoked: sign in again
	CodeSessionExpired  = 70043 // older than a session may get
	CodeAccountDisabled = 50057
	CodeUnknown         = 53003 // something a decision needs does not exist
)

// DeviceProofLapsed is the remedy code of a session whose device has not proved
// itself lately.
const DeviceProofLapsed = "deviceProofLapsed"

// attempts bounds how often a decision is made anew because the tenant's
// configuration changed while it was read.
const attempts = 16

// Options wires a Service. Store is required.
type Options struct {
	Store Store
	// Country returns the country that an address lies in, as an ISO 3166-1 alpha-2
	// code, or "" when it is not known. nil: it never is.
	Country func(netip.Addr) string
	// ProofFor is for how long a device that proved itself counts; zero: access.ProofFor.
	ProofFor time.Duration
	Now      func() time.Time // zero: time.Now in UTC
}

// Service is the room. It is safe for concurrent use.
type Service struct {
	store    Store
	country  func(netip.Addr) string
	proofFor time.Duration
	now      func() time.Time

	mu      sync.Mutex
	tenants map[directory.TenantID]*shelf
}

// New returns the room, or an error that names what is missing.
func New(o Options) (*Service, error) {
	if o.Store == nil {
		return nil, errors.New("gate: Store is required")
	}
	if o.Now == nil {
		o.Now = func() time.Time { return time.Now().UTC() }
	}
	if o.Country == nil {
		o.Country = func(netip.Addr) string { return "" }
	}
	return &Service{store: o.Store, country: o.Country, proofFor: cmp.Or(o.ProofFor, access.ProofFor), now: o.Now, tenants: map[directory.TenantID]*shelf{}}, nil
}

// Decide rules on a session, or an app as itself, reaching resources. It reads
// live state each time. What does not exist is a denial with a ruling; an error
// means that the facts could not be read, and the caller must deny, which is
// what the ruling beside it says.
//
// # Order
//
// What exists, then whether the session lives, then whether the account is
// enabled, then policies. Each question is asked only of who passed the one
// before, so that nobody learns more than the answer to the first question that
// stops them: whether an account is disabled is told only to its living
// session, which a password opened, and policies show themselves only to people
// whom they are about. Of what does not exist nobody is told which part it was.
func (s *Service) Decide(ctx context.Context, r access.Request) (access.Ruling, error) {
	for range attempts {
		facts, err := s.store.Facts(ctx, r)
		if err != nil && fault.KindOf(err) == fault.NotFound {
			return s.deny(r, Facts{}, CodeUnknown, "the session, the application or the resource does not exist"), nil
		}
		if err != nil {
			return access.Ruling{}, fmt.Errorf("gate: %w", err)
		}
		d, err := s.demands(ctx, r.Tenant, facts.Revisions.Config)
		if err != nil {
			return access.Ruling{}, err
		}
		if d.tenant.Revision == facts.Revisions.Config {
			return s.rule(r, facts, d), nil
		}
	}
	return access.Ruling{}, fault.New(fault.Unavailable, "the tenant's configuration keeps changing; try again")
}

// Record appends a ruling's record to the sign-in log.
func (s *Service) Record(ctx context.Context, r access.Record) error {
	return s.store.RecordSignIn(ctx, r)
}

func (s *Service) rule(r access.Request, f Facts, d *demands) access.Ruling {
	now := s.now()
	switch {
	case contradicts(r, f):
		return s.deny(r, f, CodeUnknown, "the facts do not fit the request")
	case r.Workload:
		return s.workload(r, f, d, now)
	case !f.Session.RevokedAt.IsZero():
		return s.deny(r, f, CodeSessionEnded, "the sign-in session has ended")
	case !now.Before(f.Session.ExpiresAt):
		return s.deny(r, f, CodeSessionExpired, "the sign-in session has expired")
	case f.User.ID == "" || !f.User.Enabled:
		return s.deny(r, f, CodeAccountDisabled, "the account is disabled")
	}
	on := f // the PC that the session was signed in on
	lapsed := f.Device != nil && now.Sub(f.Session.ProvedAt) > s.proofFor
	if lapsed { // whoever holds the session now need not hold the PC
		f.Device, f.Dossier = nil, nil
	}
	device := f.Device != nil && f.Device.Enabled
	var verdict *compliance.Verdict
	if f.Dossier != nil {
		v, _ := compliance.Judge(*f.Dossier, now)
		verdict = &v
	}
	a := s.facts(r, f, d, now)
	a.Platform, a.SignInRisk = platform(r, on), signInRisk(r, on) // to fall silent makes no other system of it
	a.CompliantApplication = device && verdict != nil && verdict.State == compliance.Compliant
	began := s.now()
	ruling := access.Ruling{Decision: d.policies.Evaluate(&a), Facts: a, Basis: f.Revisions, DecidedAt: now}
	ruling.Record = record(r, f, a.Platform, now)
	ruling.Record.Facts, ruling.Record.Set, ruling.Record.Took = &ruling.Facts, d.policies.ID(), s.now().Sub(began)
	var why []string
	if ruling.Decision.Outcome != access.Granted {
		missing := ruling.Decision.MissingTerms(&a)
		for _, g := range d.agreements {
			if slices.Contains(missing, g.ID) {
				ruling.Terms = append(ruling.Terms, g)
			}
		}
		ruling.Remedies = remedies(d.policies, &ruling, situation{verdict: verdict, device: f.Device, registered: f.Session.Registration != "", lapsed: lapsed})
		ruling.Lapsed = lapsed
		for _, remedy := range ruling.Remedies {
			why = append(why, remedy.Code)
		}
	}
	if claimed := access.PlatformOf(r.UserAgent); f.Device != nil && claimed != "" && claimed != a.Platform {
		why = append(why, fmt.Sprintf("the browser claims %q, the device is %q", claimed, a.Platform))
	}
	ruling.Record.Reason = strings.Join(why, "; ")
	fill(&ruling)
	return ruling
}

// contradicts reports facts that cannot be about the request. A store that
// works never gives them; what they would lead to is not worth finding out.
func contradicts(r access.Request, f Facts) bool {
	if f.Client.ID != r.Client || len(f.Resources) != len(r.Resources) || r.Workload != (r.Session == "") {
		return true
	}
	for i, app := range f.Resources {
		if app.ID != r.Resources[i] {
			return true
		}
	}
	if r.Workload {
		return false
	}
	foreign := f.User.ID != "" && f.User.Tenant != r.Tenant
	unlike := f.Dossier != nil && (f.Device == nil || f.Dossier.Standing.User != f.User.ID || f.Dossier.Standing.Device != f.Device.ID)
	return len(r.Resources)+len(r.Actions) == 0 || f.Session.ID != r.Session || foreign || unlike
}

// workload is the ruling for an app that signs in as itself: only policies for
// workloads are about it; what it may do is in its permissions.
func (s *Service) workload(r access.Request, f Facts, d *demands, now time.Time) access.Ruling {
	a := s.facts(r, f, d, now)
	ruling := access.Ruling{Decision: d.policies.Evaluate(&a), Facts: a, Basis: f.Revisions, DecidedAt: now, Record: record(r, f, "", now)}
	ruling.Record.Facts, ruling.Record.Set = &ruling.Facts, d.policies.ID()
	if ruling.Decision.Outcome != access.Granted {
		ruling.Remedies = []access.Remedy{standing(ruling.Decision.Code)}
	}
	fill(&ruling)
	return ruling
}

// deny is a ruling that no policy made.
func (s *Service) deny(r access.Request, f Facts, code int, reason string) access.Ruling {
	now := s.now()
	ruling := access.Ruling{
		Decision: access.Decision{Outcome: access.Denied, Code: code}, Basis: f.Revisions, DecidedAt: now,
		Record: record(r, f, platform(r, f), now), Remedies: []access.Remedy{standing(code)},
	}
	ruling.Record.Reason = reason
	fill(&ruling)
	return ruling
}

// fill copies the decision into the record.
func fill(r *access.Ruling) {
	r.Record.Outcome, r.Record.Code, r.Record.Applied = r.Decision.Outcome, r.Decision.Code, r.Decision.Matched()
	if n := r.Decision.Session; n != (access.Session{}) {
		r.Record.Controls = &n
	}
}

func record(r access.Request, f Facts, p access.Platform, now time.Time) access.Record {
	rec := access.Record{
		ID: newID(), Tenant: r.Tenant, CorrelationID: r.CorrelationID,
		User: f.User.ID, UserPrincipalName: f.User.UserPrincipalName,
		UserDisplayName: f.User.DisplayName, Session: f.Session.ID,
		Client: r.Client, ClientName: f.Client.DisplayName, IP: r.IP, UserAgent: r.UserAgent,
		ClientAppType: r.ClientAppType, Platform: p, Protocol: r.Protocol, Interactive: r.Interactive,
		Registration: f.Session.Registration, At: now,
	}
	if rec.CorrelationID == "" {
		rec.CorrelationID = rec.ID
	}
	if len(r.Resources) > 0 {
		rec.Resource = r.Resources[0]
	}
	if len(f.Resources) > 0 {
		rec.ResourceName = f.Resources[0].DisplayName
	}
	if f.Dossier != nil {
		rec.Device, rec.App = f.Dossier.Standing.Device, f.Dossier.Standing.App
	}
	if f.Device != nil {
		rec.DeviceName = f.Device.DisplayName
	}
	return rec
}

// newID returns a random UUID (RFC 9562 version 4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
