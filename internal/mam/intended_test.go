package mam_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/wire"
)

const policyID = "T_5a1e2d6c-0000-4000-8000-000000000006"

// change edits the app protection policy of the world.
func (w *world) change(f func(*protection.Policy)) protection.Policy {
	w.Helper()
	p, err := w.store.Admin().ProtectionPolicies().Get(w.Context(), tenant, policyID)
	must(w, err)
	f(&p)
	p, err = w.store.Admin().ProtectionPolicies().Save(w.Context(), p)
	must(w, err)
	return p
}

// configure saves an app configuration policy for everyone's Edge.
func (w *world) configure(id configuration.PolicyID, priority int, settings ...configuration.Setting) configuration.Policy {
	w.Helper()
	p, err := w.store.Admin().Configurations().Save(w.Context(), configuration.Policy{
		ID: id, Tenant: tenant, DisplayName: string(id), Settings: settings, Priority: priority, ScopeTags: []string{"7"},
		Apps: []directory.PackageID{edge}, Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}},
	})
	must(w, err)
	return p
}

func (w *world) configChanged() {
	w.Helper()
	must(w, w.mam.OnEvent(w.Context(), event.ConfigChanged{Tenant: tenant, What: "policy", At: w.now}))
}

func (w *world) policyOf(p *pc, id directory.RegistrationID) wire.Policy {
	w.Helper()
	policy, err := w.mam.Policy(w.Context(), p.caller(), id)
	must(w, err)
	return policy
}

func TestAPolicyIsIntendedFirstAndAppliedWhenTheAppSaysSo(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	first := w.policyOf(p, id)
	want := mam.Delivery{ETag: first.ETag, Policies: []mam.AppliedPolicy{{ID: policyID, Revision: 1}}, ScopeTags: []string{"0"}, At: w.now}
	if r := w.get(id); !reflect.DeepEqual(r.Intended, want) || !reflect.DeepEqual(r.Applied, mam.Delivery{}) {
		t.Fatalf("enrolled: intended %+v, applied %+v", r.Intended, r.Applied)
	}
	p.checkIn(id, w.report()) // without an ETag: nothing is applied yet
	if r := w.get(id); !reflect.DeepEqual(r.Applied, mam.Delivery{}) {
		t.Errorf("nobody said so, and applied is %+v", r.Applied)
	}
	says := func(etag string) mam.Registration {
		w.now = w.now.Add(time.Second)
		in := w.report()
		in.PolicyETag = etag
		p.checkIn(id, in)
		return w.get(id)
	}
	if r := says(first.ETag); !reflect.DeepEqual(r.Applied, want) {
		t.Errorf("acknowledged: applied %+v", r.Applied)
	}

	w.change(func(p *protection.Policy) { p.Settings.PrintBlocked, p.ScopeTags = true, []string{"3"} })
	w.configChanged()
	r := w.get(id)
	second := mam.Delivery{ETag: w.policyOf(p, id).ETag, Policies: []mam.AppliedPolicy{{ID: policyID, Revision: 2}}, ScopeTags: []string{"3"}, At: w.now}
	if second.ETag == first.ETag || !reflect.DeepEqual(r.Intended, second) || !reflect.DeepEqual(r.Superseded, want) || !reflect.DeepEqual(r.Applied, want) {
		t.Errorf("changed: intended %+v, applied %+v", r.Intended, r.Applied)
	}
	if r := says(first.ETag); !reflect.DeepEqual(r.Applied, want) {
		t.Errorf("still the first: applied %+v", r.Applied)
	}
	if r := says("never heard of"); !reflect.DeepEqual(r.Applied, want) || r.AppliedETag != "never heard of" {
		t.Errorf("something else: applied %+v", r.Applied)
	}
	if r := says(second.ETag); !reflect.DeepEqual(r.Applied, second) {
		t.Errorf("the second: applied %+v", r.Applied)
	}
}

func TestANewNameIsANewVersionOfTheSameDelivery(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	p.checkIn(id, w.report())
	before := w.get(id)
	w.now = w.now.Add(time.Minute)
	w.change(func(p *protection.Policy) { p.DisplayName = "Microsoft Edge" })
	w.configChanged()
	r := w.get(id)
	if r.Intended.ETag != before.Intended.ETag || !r.Intended.At.Equal(before.Intended.At) || r.Intended.Policies[0].Revision != 2 || r.Superseded.ETag != "" {
		t.Errorf("intended %+v after %+v", r.Intended, before.Intended)
	}
	w.configChanged()
	if again := w.get(id); again.Revision != r.Revision {
		t.Error("what did not change was saved")
	}
}

func TestConfigurationComesWithThePolicyAndItsETag(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	id := p.enroll()
	bare := w.policyOf(p, id)
	if len(bare.Configuration) != 0 || bare.Configuration == nil {
		t.Errorf("without app configuration: %#v", bare.Configuration)
	}
	w.configure("A_b", 2, configuration.Setting{Name: "zone", Value: "{{userprincipalname}}"}, configuration.Setting{Name: "color", Value: "red"})
	w.configure("A_a", 1, configuration.Setting{Name: "color", Value: "blue"})
	policy := w.policyOf(p, id)
	want := []wire.Configured{{Name: "color", Value: "blue", Source: "A_a"}, {Name: "zone", Value: "anna@contoso.example", Source: "A_b"}}
	if !slices.Equal(policy.Configuration, want) || policy.ETag == bare.ETag {
		t.Errorf("configuration %+v", policy.Configuration)
	}
	w.configChanged()
	r := w.get(id)
	deliveries := []mam.AppliedPolicy{{ID: "A_a", Revision: 1}, {ID: "A_b", Revision: 1}, {ID: policyID, Revision: 1}}
	if !slices.Equal(r.Intended.Policies, deliveries) || !slices.Equal(r.Intended.ScopeTags, []string{"0", "7"}) {
		t.Errorf("intended %+v", r.Intended)
	}
	u, err := w.store.Admin().Users().Get(t.Context(), tenant, string(anna))
	must(t, err)
	u.UserPrincipalName = "anna.b@contoso.example"
	_, err = w.store.Admin().Users().Save(t.Context(), u)
	must(t, err)
	if renamed := w.policyOf(p, id); renamed.ETag == policy.ETag {
		t.Error("the person is called otherwise, and the ETag stayed")
	}
}

func TestWhoIsNotServedGetsNothingAndAsksSeldom(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(*world)
		code    string
		seconds int
		told    int // settings of app configuration
	}{
		{"the tenant is not onboarded", func(w *world) {
			w.settings(func(s *directory.TenantSettings) { s.ProtectionOff = true })
		}, "notOnboarded", 24 * 3600, 0},
		{"the user is not entitled", func(w *world) {
			w.settings(func(s *directory.TenantSettings) { s.EntitledGroup = "licensed" })
		}, "notEntitled", 12 * 3600, 0},
		{"no policy, but configuration", func(w *world) {
			w.change(func(p *protection.Policy) { p.Assignments = nil })
		}, "notTargeted", 12 * 3600, 1},
		{"another app", func(w *world) {
			w.change(func(p *protection.Policy) { p.Apps = []directory.PackageID{"com.example.mail"} })
		}, "appNotInPolicy", 12 * 3600, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			p := w.newPC(anna)
			id := p.enroll()
			w.configure("A_a", 1, configuration.Setting{Name: "color", Value: "blue"})
			tt.change(w)
			out, policy := p.checkIn(id, w.report()), w.policyOf(p, id)
			if out.State != "noncompliant" || codes(out) != tt.code || out.CheckInSeconds != tt.seconds || policy.CheckInSeconds != tt.seconds {
				t.Errorf("check-in %+v", out)
			}
			if len(policy.Settings)+len(policy.Checks) != 0 || len(policy.Configuration) != tt.told {
				t.Errorf("policy %+v", policy)
			}
			if out.PolicyETag != policy.ETag || w.get(id).Intended.ETag != policy.ETag {
				t.Error("the ETags differ")
			}
		})
	}
}

func (w *world) settings(f func(*directory.TenantSettings)) {
	w.Helper()
	tn, err := w.store.Admin().Tenants().Get(w.Context(), tenant, string(tenant))
	must(w, err)
	f(&tn.Settings)
	_, err = w.store.Admin().Tenants().Save(w.Context(), tn)
	must(w, err)
}

func TestNobodyEnrollsWhereProtectionIsNotForThem(t *testing.T) {
	w := newWorld(t)
	p := w.newPC(anna)
	d := p.register()
	for code, change := range map[string]func(*directory.TenantSettings){
		"notOnboarded": func(s *directory.TenantSettings) { *s = directory.TenantSettings{ProtectionOff: true} },
		"notEntitled":  func(s *directory.TenantSettings) { *s = directory.TenantSettings{EntitledGroup: "licensed"} },
	} {
		w.settings(change)
		_, err := w.mam.Enroll(t.Context(), p.caller(), enrollment(d))
		w.refusedWith(err, fault.Forbidden, code)
	}
}

func TestTheHelpDeskSeesWhatWouldApply(t *testing.T) {
	w := newWorld(t)
	w.configure("A_a", 1, configuration.Setting{Name: "color", Value: "blue"})
	w.configure("A_b", 2, configuration.Setting{Name: "color", Value: "red"})
	in, err := w.mam.IntendedFor(t.Context(), tenant, anna, edge)
	must(t, err)
	if in.Protection == nil || in.Protection.Sources[protection.SendOrgDataTo] != policyID || in.Why.Code != "" || len(in.Asked) == 0 {
		t.Errorf("protection %+v", in)
	}
	if c := in.Configuration; c == nil || len(c.Conflicts) != 1 || c.Conflicts[0].Winner != "A_a" {
		t.Errorf("configuration %+v", in.Configuration)
	}
	in, err = w.mam.IntendedFor(t.Context(), tenant, anna, "com.example.mail")
	must(t, err)
	if in.Protection != nil || in.Why.Code != "appNotInPolicy" || in.Configuration != nil || in.Asked != nil {
		t.Errorf("in another app %+v", in)
	}
	_, err = w.mam.IntendedFor(t.Context(), tenant, "nobody", edge)
	w.failsWith(err, fault.NotFound)

	p := w.newPC(anna)
	id := p.enroll()
	in, err = w.mam.Intended(t.Context(), tenant, id)
	must(t, err)
	if in.Protection == nil || in.Configuration == nil {
		t.Errorf("of a registration %+v", in)
	}
	etag, err := w.mam.Effective(t.Context(), tenant, id)
	must(t, err)
	if etag != w.policyOf(p, id).ETag {
		t.Errorf("the effective ETag is %s", etag)
	}
	must(t, w.mam.SignOut(t.Context(), p.caller(), id))
	_, err = w.mam.Effective(t.Context(), tenant, id)
	w.failsWith(err, fault.NotFound)
	_, err = w.mam.Intended(t.Context(), tenant, "unknown")
	w.failsWith(err, fault.NotFound)
}
