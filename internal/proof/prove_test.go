package proof_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/proof"
	"github.com/postern-mam/postern/internal/strength"
)

// The second opinion: every sign-in of a small world, one after the other.

var (
	places = []location.Location{
		{ID: "office", DisplayName: "Office", Trusted: true, Ranges: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}},
		{ID: "lab", DisplayName: "Lab", Ranges: []netip.Prefix{netip.MustParsePrefix("198.51.100.128/25"), netip.MustParsePrefix("2001:db8::/32")}},
		{ID: "de", DisplayName: "Germany", Countries: []string{"DE"}},
	}
	deviceRules = []string{
		`device.model -startsWith "a"`, `device.model -notContains "b"`, `device.trustType -eq "ServerAD" or device.isCompliant -eq True`,
		`device.isCompliant -ne True`, `device.extensionAttribute1 -eq "x"`, `device.extensionAttribute1 -ne "x" and device.model -endsWith "b"`,
		`device.physicalIds -contains "y"`,
	}
	second = strength.PhishingResistant
	now    = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
)

func some[T any](t *rapid.T, name string, from []T) []T {
	var out []T
	for _, v := range from {
		if rapid.IntRange(0, 3).Draw(t, name) == 0 {
			out = append(out, v)
		}
	}
	return out
}

func one[T any](t *rapid.T, name string, from ...T) T { return rapid.SampledFrom(from).Draw(t, name) }

func randomPolicy(t *rapid.T, i int) access.Policy {
	p := access.Policy{ID: access.PolicyID("p" + string(rune('0'+i))), State: one(t, "state", access.Enabled, access.Enabled, access.Enabled, access.ReportOnly)}
	c := &p.Conditions
	c.Users = access.Users{
		All: one(t, "everyone", true, false), Include: some(t, "users", []directory.UserID{"u1"}), Exclude: some(t, "notUsers", []directory.UserID{"u2"}),
		IncludeGroups: some(t, "groups", []directory.GroupID{"g1", "g2"}), ExcludeGroups: some(t, "notGroups", []directory.GroupID{"g1", "g2"}),
		IncludeRoles: some(t, "roles", []directory.RoleTemplateID{"r"}), ExcludeRoles: some(t, "notRoles", []directory.RoleTemplateID{"r"}),
		NoGuest: one(t, "noGuest", false, false, true),
	}
	if one(t, "guests", false, false, true) {
		c.Users.IncludeGuests = &access.Guests{Kinds: []directory.GuestKind{directory.B2BCollaborationGuest}, Enumerated: true, Tenants: []directory.TenantID{"t1"}}
	}
	c.Apps = access.Apps{All: one(t, "allApps", true, true, false), Include: some(t, "apps", []directory.AppID{"x"}), Exclude: some(t, "notApps", []directory.AppID{"x"}),
		IncludeGroups: some(t, "appGroups", []access.AppGroup{access.Office365})}
	if one(t, "appFilter", false, false, true) {
		c.Apps.Filter = &access.Filter{Rule: `CustomSecurityAttribute.s_a -eq "1"`}
	}
	c.ClientAppTypes = some(t, "clients", []access.ClientAppType{access.Browser, access.MobileAndDesktop, access.OtherClients})
	if one(t, "platforms", false, true) {
		c.Platforms = &access.Platforms{Include: []access.Platform{one(t, "platform", access.AllPlatforms, access.Windows)}, Exclude: some(t, "notPlatforms", []access.Platform{access.IOS})}
	}
	if one(t, "locations", false, true) {
		c.Locations = &access.Locations{All: one(t, "anywhere", true, false), AllTrusted: one(t, "trusted", true, false), Include: []location.ID{one[location.ID](t, "place", "lab", "de", "gone")},
			ExcludeTrusted: one(t, "notTrusted", false, true), Exclude: some(t, "notPlaces", []location.ID{"lab", "de"})}
	}
	c.SignInRisk = some(t, "risk", []access.Risk{access.RiskHigh, access.RiskNone})
	if one(t, "device", false, true) {
		c.Device = &access.Filter{Exclude: one(t, "deviceMode", false, true), Rule: one(t, "rule", deviceRules...)}
	}
	c.Transfer = some(t, "transfer", []access.TransferMethod{access.DeviceCodeFlow})
	p.Grant = randomGrant(t)
	if one(t, "session", false, false, true) {
		p.Session = &access.SessionControls{TokenProtection: access.On, Frequency: &access.Frequency{After: time.Hour, Secondary: one(t, "secondary", true, false)}}
	}
	return p
}

func randomGrant(t *rapid.T) access.Grant {
	if one(t, "block", false, false, true) {
		return access.Grant{Controls: []access.Control{access.Block}}
	}
	g := access.Grant{Operator: one(t, "operator", access.And, access.Or), Controls: some(t, "controls", []access.Control{
		access.MFA, access.CompliantDevice, access.DomainJoinedDevice, access.CompliantApplication, access.PasswordChange,
	})}
	g.Terms = some(t, "terms", []agreement.ID{"tou"})
	if one(t, "strength", false, false, true) {
		g.Strength = second
	}
	return g
}

func randomRules(t *rapid.T) access.Rules {
	r := access.Rules{Locations: places, Strengths: strength.BuiltIns(), DenyUncovered: one(t, "denyUncovered", false, false, true)}
	for i := range rapid.IntRange(1, 6).Draw(t, "policies") {
		r.Policies = append(r.Policies, randomPolicy(t, i))
	}
	return r
}

func randomQuestion(t *rapid.T) proof.Question {
	return proof.Question{
		Users: one(t, "onlyUsers", nil, nil, []directory.UserID{"u1"}), NotGroups: one(t, "notIn", nil, []directory.GroupID{"g1"}),
		Groups: one(t, "in", nil, nil, []directory.GroupID{"g2"}), NotRoles: one(t, "notHolding", nil, []directory.RoleTemplateID{"r"}),
		Apps: one(t, "onApps", nil, []directory.AppID{"x"}, []directory.AppID{directory.EnrollmentAPI}), Platforms: one(t, "on", nil, []access.Platform{access.Windows}),
		Locations: one(t, "within", nil, nil, []location.ID{"lab"}), NotLocations: one(t, "outside", nil, nil, []location.ID{"de"}),
		Without: access.ControlsOf(some(t, "without", []access.Control{
			access.MFA, access.CompliantDevice, access.DomainJoinedDevice, access.CompliantApplication, access.PasswordChange, access.TermsOfUse,
			access.AuthenticationStrength, access.SignInFrequency, access.TokenProtection,
		})...),
		Refused: one(t, "refused", false, false, true), Now: now,
	}
}

func bools() []bool { return []bool{false, true} }

// everybody is anyone there may be, as far as the question means them.
func everybody(q proof.Question) []access.Facts {
	var out []access.Facts
	for _, u := range []directory.UserID{"u1", "u2", "u3"} {
		for _, guest := range []access.Facts{{}, {Guest: directory.InternalGuest}, {Guest: directory.B2BCollaborationGuest, HomeTenant: "t1"}, {Guest: directory.B2BCollaborationGuest, HomeTenant: "t2"}} {
			for mask := range 8 {
				f := guest
				f.User = u
				for i, g := range []directory.GroupID{"g1", "g2"} {
					if mask&(1<<i) != 0 {
						f.Groups = append(f.Groups, g)
					}
				}
				if mask&4 != 0 {
					f.Roles = []directory.RoleTemplateID{"r"}
				}
				if (len(q.Users) == 0 || slices.Contains(q.Users, u)) && !slices.ContainsFunc(q.NotGroups, func(g directory.GroupID) bool { return slices.Contains(f.Groups, g) }) &&
					(len(q.Groups) == 0 || slices.Contains(f.Groups, q.Groups[0])) && (len(q.NotRoles) == 0 || f.Roles == nil) {
					out = append(out, f)
				}
			}
		}
	}
	return out
}

func everyDevice(q proof.Question) []*access.Device {
	out := []*access.Device{nil}
	for _, trust := range []access.TrustType{access.Registered, access.HybridJoined} {
		for _, compliant := range bools() {
			if trust == access.HybridJoined && q.Without.Has(access.DomainJoinedDevice) || compliant && q.Without.Has(access.CompliantDevice) {
				continue
			}
			for _, model := range []string{"", "a", "ab", "b", "bc", "c", "abc", "cb"} {
				for _, attribute := range []string{"", "x", "z"} {
					for _, ids := range [][]string{nil, {"y"}} {
						d := &access.Device{ID: "d", TrustType: trust, Compliant: compliant, Managed: true, Model: model, PhysicalIDs: ids}
						d.ExtensionAttributes[0] = attribute
						out = append(out, d)
					}
				}
			}
		}
	}
	return out
}

// signatures keeps the first of the facts that a condition lets the same policies
// through for; the naive search would not end today without it.
func signatures(set *access.Set, all []access.Facts, keep func(*access.Facts) any, c access.Condition) []access.Facts {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(all), func(f access.Facts) bool {
		f.User = max(f.User, "u")
		d := set.Evaluate(&f)
		k := ""
		for i := range set.Len() {
			k += "01"[b(slices.Contains(d.NotMatched(i), c)):][:1]
		}
		k += string(rune(len(k)))
		if keep != nil && f.Device != nil {
			k += string(f.Device.TrustType) + "01"[b(f.Device.Compliant):][:1]
		}
		known := seen[k]
		seen[k] = true
		return known
	})
}

func b(v bool) int {
	if v {
		return 1
	}
	return 0
}

// naive looks at everything.
func naive(set *access.Set, q proof.Question) bool {
	no := q.Without.Has
	base := access.Facts{Now: now, AuthAt: now, CompliantApplication: !no(access.CompliantApplication), Bound: !no(access.TokenProtection)}
	if no(access.SignInFrequency) {
		base.AuthAt = now.AddDate(-5, 0, 0)
	}
	methods := []strength.Methods{strength.QRCodePin<<1 - 1}
	if !no(access.MFA) {
		base.MFAAt = base.AuthAt
	} else {
		methods = []strength.Methods{strength.Password}
	}
	if no(access.AuthenticationStrength) {
		methods = []strength.Methods{0}
	}
	if !no(access.PasswordChange) {
		base.PasswordChangedAt = now
	}
	if !no(access.TermsOfUse) {
		base.Terms = []agreement.ID{"tou"}
	}
	base.Methods = methods[0]
	var people, devices, where []access.Facts
	people = signatures(set, everybody(q), nil, access.OfUsers)
	for _, d := range everyDevice(q) {
		devices = append(devices, access.Facts{Device: d})
	}
	devices = signatures(set, devices, func(*access.Facts) any { return nil }, access.OfDevices)
	for _, ip := range []string{"192.0.2.1", "198.51.100.1", "198.51.100.200", "2001:db8::1"} {
		for _, country := range []string{"", "DE", "FR"} {
			lab := ip == "198.51.100.200" || ip == "2001:db8::1"
			if (len(q.Locations) == 0 || lab) && (len(q.NotLocations) == 0 || country != "DE") {
				where = append(where, access.Facts{IP: netip.MustParseAddr(ip), Country: country})
			}
		}
	}
	where = signatures(set, where, nil, access.OfLocations)
	apps := []access.Resource{{ID: "x"}, {ID: "other"}, {ID: "other", Groups: []access.AppGroup{access.Office365}}, {ID: "other", Attributes: map[string]string{"s_a": "1"}}}
	if len(q.Apps) > 0 {
		apps = []access.Resource{{ID: q.Apps[0]}}
	}
	platforms := []access.Platform{access.Windows, access.IOS, ""}
	if len(q.Platforms) > 0 {
		platforms = q.Platforms
	}
	var d access.Decision
	for _, f := range people {
		for _, g := range devices {
			for _, l := range where {
				for _, app := range apps {
					for _, client := range []access.ClientAppType{access.Browser, access.MobileAndDesktop, access.OtherClients, access.ExchangeActiveSync} {
						for _, platform := range platforms {
							for _, risk := range []access.Risk{"", access.RiskNone, access.RiskHigh} {
								for _, handed := range []access.TransferMethod{"", access.DeviceCodeFlow} {
									s := base
									s.User, s.Groups, s.Roles, s.Guest, s.HomeTenant = f.User, f.Groups, f.Roles, f.Guest, f.HomeTenant
									s.Device, s.IP, s.Country, s.Resources, s.Bootstrap = g.Device, l.IP, l.Country, []access.Resource{app}, app.ID.Bootstrap()
									s.ClientAppType, s.Platform, s.SignInRisk, s.Transfer = client, platform, risk, handed
									if set.EvaluateInto(&d, &s); (d.Outcome == access.Granted) != q.Refused {
										return true
									}
								}
							}
						}
					}
				}
			}
		}
	}
	return false
}

func TestTheProofSaysWhatLookingAtEverythingSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, q := access.Compile(randomRules(t)), randomQuestion(t)
		a, err := proof.Prove(set, proof.World{}, q)
		if err != nil {
			t.Fatal(err)
		}
		want := proof.No
		if naive(set, q) {
			want = proof.Yes
		}
		if a.Verdict != want {
			t.Fatalf("the proof says %s (%s), everything says %s", a.Verdict, a.Why, want)
		}
		if a.Witness != nil {
			if d := set.Evaluate(&a.Witness.Facts); (d.Outcome == access.Granted) == q.Refused {
				t.Fatalf("the witness is %s", d.Outcome)
			}
		}
	})
}

func TestTheProofOfAWorldSaysWhatLookingAtEverybodySays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, q := access.Compile(randomRules(t)), randomQuestion(t)
		q.Users = nil
		w := proof.World{People: []proof.Person{}}
		for _, f := range everybody(proof.Question{}) {
			w.People = append(w.People, proof.Person{User: f.User, Groups: f.Groups, Roles: f.Roles, Guest: f.Guest, HomeTenant: f.HomeTenant})
		}
		a, err := proof.Prove(set, w, q)
		if err != nil {
			t.Fatal(err)
		}
		if (a.Verdict == proof.Yes) != naive(set, q) {
			t.Fatalf("the proof says %s", a.Verdict)
		}
	})
}
