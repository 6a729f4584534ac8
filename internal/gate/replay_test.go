package gate_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
)

// note decides and stores what was decided.
func (s *stored) note() access.Ruling {
	s.Helper()
	r := s.decide()
	s.ok(s.gate.Record(s.Context(), r.Record))
	return r
}

// Whatever was decided, under whichever rules, comes out again bit for bit.
func TestWhatWasRecordedIsDecidedAgainAsItWas(t *testing.T) {
	s := keep(t)
	s.note()
	s.signal(worst(), now)
	s.note()
	s.policy.Grant = access.Grant{Operator: access.Or, Controls: []access.Control{access.MFA, access.CompliantDevice}}
	s.policy.Session = &access.SessionControls{Frequency: &access.Frequency{After: 8 * time.Hour}, Persistent: access.PersistNever}
	s.policy.Conditions.Locations = &access.Locations{All: true, ExcludeTrusted: true}
	s.policy.Conditions.Device = &access.Filter{Exclude: true, Rule: `device.model -eq "X"`}
	p, err := s.Admin().AccessPolicies().Save(t.Context(), s.policy)
	s.ok(err)
	s.note()
	s.session.MFAAt = now
	_, err = s.IDP().SaveSession(t.Context(), s.session)
	s.ok(err)
	if r := s.note(); r.Decision.Session.Persistent != access.PersistNever {
		t.Fatalf("control: %+v", r.Decision)
	}
	p.State = access.ReportOnly
	_, err = s.Admin().AccessPolicies().Save(t.Context(), p)
	s.ok(err)
	s.note()
	got, err := s.gate.Replay(t.Context(), "t", gate.Draft{})
	s.ok(err)
	if got.SignIns != 5 || got.Reproduced != 5 || len(got.Strayed) != 0 || got.Now != got.Draft {
		t.Errorf("%+v", got)
	}
}

// A log that somebody wrote into is told apart from one that was decided.
func TestATamperedRecordDoesNotComeOutAgain(t *testing.T) {
	for name, tamper := range map[string]func(*access.Record){
		"the outcome": func(r *access.Record) { r.Outcome = access.Denied },
		"the code":    func(r *access.Record) { r.Code = 53003 },
		"a policy":    func(r *access.Record) { r.Applied[0].Result = access.Failure },
		"the session": func(r *access.Record) { r.Controls = &access.Session{TokenProtection: true} },
		"a fact":      func(r *access.Record) { r.Facts.CompliantApplication = false },
		"the rules":   func(r *access.Record) { r.Set = "another" },
	} {
		s := keep(t)
		r := s.decide()
		tamper(&r.Record)
		s.ok(s.gate.Record(t.Context(), r.Record))
		got, err := s.gate.Replay(t.Context(), "t", gate.Draft{})
		s.ok(err)
		if got.Reproduced != 0 || len(got.Strayed) != 1 || got.Strayed[0].Why == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// The log names every policy of the rules of then, with why it did not apply; a
// record that does not come out again says what it says.
func TestEveryPolicyOfThenGivesItsReason(t *testing.T) {
	s := keep(t)
	other := s.policy
	other.ID, other.DisplayName, other.Revision, other.Conditions.Platforms = "other", "Other", 0, &access.Platforms{Include: []access.Platform{access.MacOS}}
	_, err := s.Admin().AccessPolicies().Save(t.Context(), other)
	s.ok(err)
	r := s.note().Record
	tampered := r
	tampered.Outcome = access.Denied
	w, err := s.Admin().AccessPolicies().Get(t.Context(), "t", "other")
	s.ok(err)
	s.ok(s.Admin().AccessPolicies().Delete(t.Context(), "t", string(w.ID))) // the rules of then are kept
	got, err := s.gate.Reasons(t.Context(), "t", []access.Record{r, tampered, {Applied: []access.Applied{{Policy: "old"}}}})
	s.ok(err)
	if len(got[0]) != len(r.Applied)+1 || len(got[1]) != len(r.Applied) || got[2][0].Policy != "old" {
		t.Fatalf("%+v", got)
	}
	for _, a := range got[0] {
		if a.Policy == "other" && (a.Result != access.NotApplied || !slices.Equal(a.NotMatched, []access.Condition{access.OfPlatforms})) {
			t.Errorf("%+v", a)
		}
	}
}

func TestADraftIsHeldAgainstRealSignIns(t *testing.T) {
	s := keep(t)
	s.note() // protected and let in
	s.signal(worst(), now)
	s.note() // refused
	mfa := demand(access.MFA)
	mfa.ID, mfa.State = "draft", access.ReportOnly
	got, err := s.gate.Replay(t.Context(), "t", gate.Draft{Put: []access.Policy{mfa}})
	s.ok(err)
	if got.Effects[access.Unchanged] != 2 {
		t.Errorf("a report-only draft changes nothing: %+v", got)
	}
	got, err = s.gate.Replay(t.Context(), "t", gate.Draft{Put: []access.Policy{mfa}, Enforce: true})
	s.ok(err)
	if got.Effects[access.Prompted] != 1 || got.Effects[access.Unchanged] != 1 || got.People[access.Prompted] != 1 || len(got.Apps) != 1 || got.Apps[0].Name != "Intranet" {
		t.Errorf("%+v", got)
	}
	if len(got.Examples) != 1 || got.Examples[0].Code != access.CodeMFARequired || got.Examples[0].Policies[0].Policy != "draft" {
		t.Errorf("%+v", got.Examples)
	}
	got, err = s.gate.Replay(t.Context(), "t", gate.Draft{Drop: []access.PolicyID{s.policy.ID}})
	s.ok(err)
	if got.Effects[access.LetIn] != 1 {
		t.Errorf("without its policy the threat keeps nobody out: %+v", got)
	}
	if got, err = s.gate.Replay(t.Context(), "t", gate.Draft{Since: now.Add(time.Second)}); err != nil || got.SignIns != 0 {
		t.Errorf("sign-ins from before: %+v, %v", got, err)
	}
	if _, err = s.gate.Replay(t.Context(), "t", gate.Draft{Put: []access.Policy{{}}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an empty draft: %v", err)
	}
	if _, err = s.gate.Replay(t.Context(), "t2", gate.Draft{}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another tenant: %v", err)
	}
}

// 10,000 sign-ins of people in 50 groups, 200 policies, one draft.
func BenchmarkReplay(b *testing.B) {
	const signIns = 10_000
	s := keep(b)
	for i := range 199 {
		p := demand(access.CompliantApplication)
		p.ID = access.PolicyID("p" + strconv.Itoa(i))
		p.Conditions.Users = access.Users{IncludeGroups: []directory.GroupID{directory.GroupID("g" + strconv.Itoa(i))}}
		_, err := s.Admin().AccessPolicies().Save(b.Context(), p)
		s.ok(err)
	}
	r := s.decide().Record
	for i := range 50 {
		r.Facts.Groups = append(r.Facts.Groups, directory.GroupID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)))
	}
	for i := range signIns {
		r.ID, r.At = "r"+strconv.Itoa(i), now.Add(time.Duration(i)*time.Millisecond)
		s.ok(s.gate.Record(b.Context(), r))
	}
	draft := demand(access.MFA)
	draft.ID = "draft"
	for b.Loop() {
		got, err := s.gate.Replay(b.Context(), "t", gate.Draft{Put: []access.Policy{draft}})
		if err != nil || got.SignIns != signIns || got.Effects[access.Prompted] != signIns {
			b.Fatalf("%+v, %v", got, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/signIns, "µs/sign-in")
}
