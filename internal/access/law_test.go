package access_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/access"
)

// said is a decision in the shape of the naive evaluator's answer.
func said(s *access.Set, d *access.Decision) answer {
	a := answer{Outcome: d.Outcome, Code: d.Code, Missing: d.Missing.List(), Session: d.Session}
	for _, p := range d.Applied() {
		a.add(p.Result, p.NotMatched, p.Unmet)
	}
	return a
}

func decided(r access.Rules, f access.Facts) answer {
	s := access.Compile(r)
	d := s.Evaluate(&f)
	return said(s, &d)
}

// The evaluator says what the documentation says, in every word.
func TestTheEvaluatorAgreesWithTheNaiveOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRules(t, 6)
		s := access.Compile(r)
		var d access.Decision
		for range 4 { // the same memory again and again
			f := drawFacts(t)
			s.EvaluateInto(&d, &f)
			if got, want := said(s, &d), naive(r, f); !reflect.DeepEqual(got, want) {
				t.Fatalf("got  %+v\nwant %+v\nfacts %+v", got, want, f)
			}
		}
	})
}

// worse orders outcomes by what they cost a person.
func worse(a, b answer) bool { return a.Outcome < b.Outcome }

func TestAnotherEnabledPolicyNeverWidensAccess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, f := drawRules(t, 4), drawFacts(t)
		r.DenyUncovered = false // that one asks for a policy, whichever
		before := decided(r, f)
		more := drawPolicy(t, "z")
		more.State = access.Enabled
		r.Policies = append(r.Policies, more)
		if after := decided(r, f); worse(before, after) {
			t.Fatalf("%s became %s", before.Outcome, after.Outcome)
		}
	})
}

func TestTheOrderOfPoliciesNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, f := drawRules(t, 6), drawFacts(t)
		shuffled := r
		shuffled.Policies = slices.Clone(r.Policies)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)).Shuffle(len(shuffled.Policies), func(i, j int) {
			shuffled.Policies[i], shuffled.Policies[j] = shuffled.Policies[j], shuffled.Policies[i]
		})
		if a, b := decided(r, f), decided(shuffled, f); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\n%+v", a, b)
		}
		if access.Compile(r).ID() != access.Compile(shuffled).ID() {
			t.Fatal("the same rules have two names")
		}
	})
}

func TestReportOnlyAndDisabledPoliciesNeverChangeTheOutcome(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, f := drawRules(t, 6), drawFacts(t)
		without := r
		without.Policies = slices.DeleteFunc(slices.Clone(r.Policies), func(p access.Policy) bool { return p.State != access.Enabled })
		a, b := decided(r, f), decided(without, f)
		if a.Outcome != b.Outcome || a.Code != b.Code || !slices.Equal(a.Missing, b.Missing) || a.Session != b.Session {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
}

func TestExclusionBeatsInclusion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, f := drawRules(t, 4), drawFacts(t)
		if f.User == "" || len(r.Policies) == 0 {
			t.Skip()
		}
		for i := range r.Policies {
			u := &r.Policies[i].Conditions.Users
			u.All, u.Include, u.Exclude = true, append(slices.Clone(u.Include), f.User), append(slices.Clone(u.Exclude), f.User)
		}
		for i, result := range decided(r, f).Results {
			if result != access.NotApplied && result != access.ReportOnlyNotApplied && result != access.NotEnabled {
				t.Fatalf("policy %d applies to somebody it leaves out: %s", i, result)
			}
		}
	})
}

func TestAPolicySaidTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, f := drawRules(t, 4), drawFacts(t)
		twice := r
		for _, p := range r.Policies {
			p.ID += "again"
			twice.Policies = append(slices.Clone(twice.Policies), p)
		}
		a, b := decided(r, f), decided(twice, f)
		if a.Outcome != b.Outcome || a.Code != b.Code || !slices.Equal(a.Missing, b.Missing) || a.Session != b.Session {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
}

// To meet one control more never costs access. A compliant device is left out:
// device filters read it, too, so that another policy may begin to apply.
func TestToMeetAControlNeverCostsAccess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, f := drawRules(t, 5), drawFacts(t)
		before := decided(r, f)
		for name, meet := range map[string]func(*access.Facts){
			"mfa":      func(f *access.Facts) { f.MFAAt = noon },
			"app":      func(f *access.Facts) { f.CompliantApplication = true },
			"bound":    func(f *access.Facts) { f.Bound = true },
			"password": func(f *access.Facts) { f.PasswordChangedAt = noon.Add(1 << 40) },
			"terms":    func(f *access.Facts) { f.Terms = terms },
			"fresh":    func(f *access.Facts) { f.AuthAt, f.PasswordChangedAt = noon, noon; f.MFAAt = noon },
		} {
			then := f.Clone()
			meet(&then)
			if after := decided(r, then); worse(after, before) {
				t.Fatalf("%s: %s became %s", name, before.Outcome, after.Outcome)
			}
		}
	})
}

// What was recorded as JSON is decided again bit for bit, by rules of the same name.
func TestRulesAndFactsSurviveTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, f := access.Compile(drawRules(t, 5)), drawFacts(t)
		var rules access.Rules
		var facts access.Facts
		again(t, s.Rules(), &rules)
		again(t, f, &facts)
		s2 := access.Compile(rules)
		if s.ID() != s2.ID() {
			t.Fatal("the rules have another name")
		}
		d, d2 := s.Evaluate(&f), s2.Evaluate(&facts)
		if a, b := said(s, &d), said(s2, &d2); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\n%+v", a, b)
		}
		record := access.Record{Outcome: d.Outcome, Code: d.Code, Applied: d.Matched(), Facts: &f, Set: s.ID()}
		if d.Session != (access.Session{}) {
			record.Controls = &d.Session
		}
		var read access.Record
		again(t, record, &read)
		if err := s2.Reproduce(read); err != nil {
			t.Fatal(err)
		}
	})
}

func again(t *rapid.T, v, to any) {
	doc, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(doc, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever steps an explanation names lead in, and none of them is too many.
func TestAnExplanationLeadsInWithNoStepTooMany(t *testing.T) {
	can := []access.Step{"signInFrequency", "mfa", "termsOfUse", "passwordChange", "compliantApplication", "signInTokenProtection", access.TrustedLocation}
	rapid.Check(t, func(t *rapid.T) {
		s, f := access.Compile(drawRules(t, 4)), drawFacts(t)
		d := s.Evaluate(&f)
		e := s.Explain(&f, can)
		if d.Outcome == access.Granted && (e.Steps == nil || len(e.Steps) > 0) {
			t.Fatalf("access is granted, and %v is to be done", e.Steps)
		}
		if len(e.Steps) == 0 {
			return
		}
		// With exactly these steps to choose from, all of them are needed.
		if again := s.Explain(&f, e.Steps); !slices.Equal(again.Steps, e.Steps) {
			t.Fatalf("of %v, %v are enough", e.Steps, again.Steps)
		}
		for _, other := range e.Alternatives {
			if len(other) < len(e.Steps) {
				t.Fatalf("%v is smaller than %v", other, e.Steps)
			}
		}
	})
}
