package access_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/strength"
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
		if i < 60 && i%3 == 0 { // the same few apply, however many there are
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
			set, f := access.Compile(access.Rules{Policies: tenant(n)}), person()
			if d := set.Evaluate(&f); d.Outcome != access.Granted || len(d.Findings) == 0 {
				b.Fatalf("%s, %d policies apply", d.Outcome, len(d.Findings))
			}
			b.ReportAllocs()
			var d access.Decision
			for b.Loop() {
				set.EvaluateInto(&d, &f)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	policies := tenant(200)
	b.ReportAllocs()
	for b.Loop() {
		access.Compile(access.Rules{Policies: policies})
	}
}

func BenchmarkExplain(b *testing.B) {
	set, f := access.Compile(access.Rules{Policies: tenant(200)}), person()
	f.CompliantApplication = false
	can := []access.Step{"signInFrequency", "mfa", "termsOfUse", "passwordChange", "compliantApplication", "signInTokenProtection", access.TrustedLocation}
	b.ReportAllocs()
	for b.Loop() {
		if e := set.Explain(&f, can); len(e.Steps) != 1 {
			b.Fatal(e)
		}
	}
}

func TestADecisionAllocatesNothing(t *testing.T) {
	policies := tenant(200)
	policies[3].Conditions.Device = &access.Filter{Rule: `device.model -contains "face" -or device.systemLabels -contains "x"`}
	policies[6].Conditions.Locations = &access.Locations{All: true, ExcludeTrusted: true}
	policies[9].Conditions.Users.IncludeGuests = &access.Guests{Kinds: directory.GuestKinds()}
	policies[12].Conditions.Apps = access.Apps{Filter: &access.Filter{Rule: `CustomSecurityAttribute.A_B -eq "c"`}}
	policies[15].Session = &access.SessionControls{Frequency: &access.Frequency{After: time.Hour}}
	policies[15].Grant.Strength, policies[15].Grant.Terms = strength.Multifactor, []agreement.ID{"x"}
	set := set(policies...)
	f := person()
	f.Device = &access.Device{Model: "Surface", SystemLabels: []string{"x"}}
	f.IP, f.Guest = netip.MustParseAddr("2001:db8:5::1"), directory.B2BCollaborationGuest
	f.Resources[0].Attributes = map[string]string{"A_B": "c"}
	var d access.Decision
	if n := testing.AllocsPerRun(20, func() { set.EvaluateInto(&d, &f) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
