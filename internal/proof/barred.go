package proof

import (
	"slices"

	"github.com/postern-mam/postern/internal/access"
)

// Barred reports whether a person gets in by no sign-in that q allows. Then it
// returns the policies that stop an ordinary one, in a browser on Windows, with
// what each misses; none where an app without a policy is refused. What could not
// be exhausted bars nobody.
func Barred(set *access.Set, p Person, q Question) (stopped []access.Applied, barred bool) {
	w := World{People: []Person{p}}
	a, err := Prove(set, w, q)
	if err != nil || a.Verdict != No {
		return nil, false
	}
	x := newSearch(set, w, q)
	f := access.Facts{ClientAppType: access.Browser, Platform: access.Windows}
	x.equip(&f, x.methods()[0])
	for _, t := range x.targets()[:1] {
		t.put(&f)
	}
	p.put(&f)
	for _, c := range x.claims()[1:] { // the first word of every risk
		c[0].put(&f)
	}
	d := set.Evaluate(&f)
	return slices.DeleteFunc(d.Matched(), func(a access.Applied) bool { return a.Result != access.Failure }), true
}

// Hinders reports whether a policy, alone among rules, refuses anybody whom q
// means and who has every control that q leaves. One that hinders nobody bars
// nobody, whichever policies stand beside it.
func Hinders(rules access.Rules, p access.Policy, w World, q Question) bool {
	if p.State == access.Disabled || p.State == access.ReportOnly {
		return false
	}
	rules.Policies, rules.DenyUncovered, q.Refused = []access.Policy{p}, false, true
	a, err := Prove(access.Compile(rules), World{Apps: w.Apps}, q)
	return err != nil || a.Verdict != No
}
