package proof

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
)

// Rule names what a Finding is about.
type Rule string

// Severity says how bad a Finding is, the worst first.
type Severity uint8

// The severities.
const (
	Error   Severity = iota // policies do not do what they say, or keep out whom they must not
	Warning                 // there is a way around what was meant, or somebody is hindered who hardly should be
	Notice                  // worth a look
)

func (s Severity) String() string { return [...]string{"error", "warning", "note"}[min(s, Notice)] }

// Finding is something that a reviewer would say about policies.
type Finding struct {
	Rule     Rule
	Severity Severity
	Policies []access.PolicyID // concerned; the first is the one to change. None: the set as a whole
	Names    []string          // theirs, in the same order
	Why      string            // what is the matter
	Do       string            // what to do
	Witness  *Witness          // a sign-in that shows it; nil where none does
}

// References are what exists. A nil list is not judged.
type References struct {
	Users      []directory.UserID
	Groups     []directory.GroupID
	Apps       []directory.AppID
	Agreements []agreement.ID
	Contexts   []access.ContextID
}

// Lint says what the policies of a set fail to do, the worst first. Policies that
// only report are taken as what they are meant to become; disabled ones are not
// looked at. People of the world are those who administer; nil: nobody knows.
func Lint(set *access.Set, w World, refs References) []Finding {
	rules := set.Rules()
	var meant []access.Policy
	for _, p := range rules.Policies {
		if p.State != access.Disabled {
			p.State = access.Enabled
			meant = append(meant, p)
		}
	}
	rules.Policies = meant
	admins := w.People
	w.People = nil
	l := &linter{rules: rules, set: access.Compile(rules), world: w, refs: refs, admins: admins}
	l.search = newSearch(l.set, w, Question{})
	for i := range l.rules.Policies {
		l.policy(&l.rules.Policies[i])
	}
	l.whole()
	slices.SortStableFunc(l.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), strings.Compare(string(a.Rule), string(b.Rule)), slices.Compare(a.Names, b.Names))
	})
	return l.found
}

type linter struct {
	rules  access.Rules // what is meant
	set    *access.Set
	world  World
	search *search
	admins []Person
	refs   References
	found  []Finding
}

func (l *linter) say(f Finding, concerned ...*access.Policy) {
	for _, p := range concerned {
		f.Policies, f.Names = append(f.Policies, p.ID), append(f.Names, p.DisplayName)
	}
	l.found = append(l.found, f)
}

// policy looks at one policy by itself, and at whether another closes its gaps.
func (l *linter) policy(p *access.Policy) {
	l.dangling(p)
	l.contradicting(p)
	l.redundant(p)
	if p.Conditions.Workloads != nil {
		return // no person: what follows is about people
	}
	if c := p.Conditions; c.Users.None || c.Apps.None {
		l.say(Finding{
			Rule: "about-nothing", Severity: Notice, Why: "its users, or its applications, are None: it does nothing yet", Do: "choose whom and what it is about, or delete it",
		}, p)
		return
	}
	f := l.applies(p)
	if f == nil {
		l.say(Finding{
			Rule: "unreachable", Severity: Error, Why: "no sign-in meets all of its conditions: it does nothing",
			Do: "look for what is both included and excluded, or for conditions that exclude each other",
		}, p)
		return
	}
	l.unknownDevices(p, f)
	l.otherPlatforms(p, f)
	l.guests(p, f)
	l.unattainable(p, f)
	l.registration(p)
	l.enrolment(p, f)
	l.everyTime(p)
	l.emergency(p)
}

// applies returns a sign-in with every control to which a policy applies, or nil
// when there is none.
func (l *linter) applies(p *access.Policy) *access.Facts {
	alone := l.rules
	only := *p
	only.Grant, only.Session = access.Grant{Controls: []access.Control{access.Block}}, nil
	alone.Policies, alone.DenyUncovered = []access.Policy{only}, false
	q := Question{Refused: true, Actions: p.Conditions.Apps.Actions, Contexts: p.Conditions.Apps.Contexts}
	a, err := Prove(access.Compile(alone), l.world, q)
	if err != nil || a.Witness == nil {
		return nil
	}
	f := a.Witness.Facts
	return &f
}

// demanded are the controls that a policy asks for.
func demanded(p *access.Policy) access.Controls {
	c := access.ControlsOf(p.Grant.Controls...)
	if len(p.Grant.Terms) > 0 {
		c |= access.ControlsOf(access.TermsOfUse)
	}
	if p.Grant.Strength != "" {
		c |= access.ControlsOf(access.AuthenticationStrength)
	}
	if p.Session != nil && p.Session.TokenProtection == access.On {
		c |= access.ControlsOf(access.TokenProtection)
	}
	return c
}

// equipped is a sign-in with every control but some.
func (l *linter) equipped(f *access.Facts, without access.Controls) access.Facts {
	out, x := f.Clone(), *l.search
	x.q = Question{Without: without, Now: x.q.Now}
	out.MFAAt, out.PasswordChangedAt, out.Terms = time.Time{}, time.Time{}, nil
	x.equip(&out, x.methods()[0])
	if without.Has(access.CompliantDevice) || without.Has(access.DomainJoinedDevice) {
		out.Device = nil
	}
	return out
}

// gap returns a witness if a sign-in is let in by all policies together.
func (l *linter) gap(f access.Facts) *Witness {
	d := l.set.Evaluate(&f)
	if d.Outcome != access.Granted {
		return nil
	}
	return &Witness{Facts: f, Who: l.world.who(&f), How: how(l.set, &f), Decision: d.Outcome, Applied: d.Matched()}
}

// applying reports whether a policy applies to a sign-in, and what it came to.
func (l *linter) applying(p *access.Policy, f *access.Facts) (access.Applied, bool) {
	d := l.set.Evaluate(f)
	for _, a := range d.Matched() {
		if a.Policy == p.ID {
			return a, true
		}
	}
	return access.Applied{}, false
}
