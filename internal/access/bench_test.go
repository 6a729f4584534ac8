package access_test

import (
	"fmt"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
)

// tenant is n policies of a large organisation: each includes ten groups,
// excludes two users and five apps; a third applies to the person below.
func tenant(n int) []access.Policy {
	policies := make([]access.Policy, n)
	for i := range policies {
		p := either(policy(fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), access.CompliantApplication, access.CompliantDevice))
		p.Conditions.Users = access.Users{Exclude: []directory.UserID{"break-glass-1", "break-glass-2"}}
		for g := range 10 {
			p.Conditions.Users.IncludeGroups = append(p.Conditions.Users.IncludeGroups, directory.GroupID(fmt.Sprintf("group-%d", i*10+g)))
		}
		if i%3 == 0 {
			p.Conditions.Users.IncludeGroups = append(p.Conditions.Users.IncludeGroups, all)
		}
		for a := range 5 {
			p.Conditions.Apps.Exclude = append(p.Conditions.Apps.Exclude, directory.AppID(fmt.Sprintf("app-%d", a)))
		}
		p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.Windows}}
		policies[i] = p
	}
	return policies
}

func person() access.Facts {
	return signIn(func(f *access.Facts) {
		f.CompliantApplication = true
		for g := range 50 {
			f.Groups = append(f.Groups, directory.GroupID(fmt.Sprintf("group-%d", g*7)))
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{1, 200, 2000} {
		b.Run(fmt.Sprintf("policies=%d", n), func(b *testing.B) {
			set, f := access.Compile(tenant(n)), person()
			if d := set.Evaluate(f); d.Outcome != access.Granted || len(d.Applied) != n {
				b.Fatalf("%s over %d policies", d.Outcome, len(d.Applied))
			}
			b.ReportAllocs()
			for b.Loop() {
				set.Evaluate(f)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	policies := tenant(200)
	b.ReportAllocs()
	for b.Loop() {
		access.Compile(policies)
	}
}

func TestOnlyTheListOfPoliciesIsAllocated(t *testing.T) {
	set, f := access.Compile(tenant(200)), person()
	if n := testing.AllocsPerRun(20, func() { set.Evaluate(f) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
