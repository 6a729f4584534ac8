package access_test

import (
	"fmt"
	"net/netip"
	"time"

	"pgregory.net/rapid"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// Random policies and facts come from few words, so that they meet.

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func some[T any](t *rapid.T, label string, from ...T) []T {
	if !rapid.Bool().Draw(t, label+"?") {
		return nil
	}
	return rapid.SliceOfN(rapid.SampledFrom(from), 1, 2).Draw(t, label)
}

func one[T any](t *rapid.T, label string, from ...T) T { return rapid.SampledFrom(from).Draw(t, label) }

// rarely is true once in n.
func rarely(t *rapid.T, label string, n int) bool {
	return rapid.IntRange(0, n-1).Draw(t, label) == n-1
}

func optional[T any](t *rapid.T, label string, n int, draw func() T) *T {
	if !rarely(t, label+"?", n) {
		return nil
	}
	v := draw()
	return &v
}

var (
	people   = []directory.UserID{"u1", "u2"}
	groups   = []directory.GroupID{"g1", "g2", "g3"}
	roles    = []directory.RoleTemplateID{"r1", "r2"}
	apps     = []directory.AppID{"a1", "a2", "a3"}
	tenants  = []directory.TenantID{"t1", "t2"}
	places   = []location.ID{"l1", "l2", "l3", "gone"}
	terms    = []agreement.ID{"x1", "x2"}
	levels   = []access.Risk{access.RiskNone, access.RiskLow, access.RiskMedium, access.RiskHigh}
	insiders = []access.Risk{access.InsiderMinor, access.InsiderElevated}
	clients  = []access.ClientAppType{access.Browser, access.MobileAndDesktop, access.ExchangeActiveSync, access.OtherClients}
	systems  = []access.Platform{access.Windows, access.MacOS, access.Linux, access.Android}
	handed   = []access.TransferMethod{access.DeviceCodeFlow, access.AuthenticationTransfer}
	rules    = []string{
		`device.trustType -eq "ServerAD"`, `device.trustType -ne "ServerAD"`, `device.isCompliant -eq True -or device.model -contains "face"`,
		`device.extensionAttribute1 -ne "SAW"`, `device.systemLabels -contains "M365"`, `-not (device.operatingSystemVersion -startsWith "10.0.22")`,
	}
	appRules = []string{`CustomSecurityAttribute.Set_Kind -eq "secret"`, `CustomSecurityAttribute.Set_Kind -ne "secret"`}
)

func drawRules(t *rapid.T, most int) access.Rules {
	r := access.Rules{
		DenyUncovered: rarely(t, "deny uncovered", 6), Strengths: strength.BuiltIns(),
		Locations: []location.Location{
			{ID: "l1", Trusted: true, Ranges: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("2001:db8:1::/48")}},
			{ID: "l2", Ranges: []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24"), netip.MustParsePrefix("192.0.2.0/24")}},
			{ID: "l3", Countries: []string{"DE", "US"}, UnknownCountries: rapid.Bool().Draw(t, "unknown countries")},
		},
	}
	n := rapid.IntRange(0, most).Draw(t, "policies")
	for i := range n {
		r.Policies = append(r.Policies, drawPolicy(t, access.PolicyID(fmt.Sprintf("p%02d", i))))
	}
	return r
}

func drawPolicy(t *rapid.T, id access.PolicyID) access.Policy {
	p := access.Policy{
		ID: id, DisplayName: string(id), State: one(t, "state", access.Enabled, access.Enabled, access.Enabled, access.ReportOnly, access.Disabled),
		Conditions: access.Conditions{
			Users: drawUsers(t), Apps: drawApps(t),
			ClientAppTypes: one(t, "clients", []access.ClientAppType{access.AllClientApps}, clients[:1], clients[:2], clients[2:]),
			Platforms: optional(t, "platforms", 3, func() access.Platforms {
				return access.Platforms{
					Include: one(t, "platforms in", []access.Platform{access.AllPlatforms}, systems[:1], systems[:2]), Exclude: some(t, "platforms out", systems...),
				}
			}),
			Locations: optional(t, "locations", 3, func() access.Locations {
				return access.Locations{
					All: rapid.Bool().Draw(t, "anywhere"), AllTrusted: rapid.Bool().Draw(t, "trusted in"), Include: some(t, "places in", places...),
					ExcludeTrusted: rapid.Bool().Draw(t, "trusted out"), Exclude: some(t, "places out", places...),
				}
			}),
		},
		Grant: access.Grant{Operator: one(t, "operator", access.And, access.Or)},
	}
	if rarely(t, "risk?", 4) {
		p.Conditions.SignInRisk, p.Conditions.UserRisk = some(t, "sign-in risk", levels...), some(t, "user risk", levels...)
		p.Conditions.InsiderRisk, p.Conditions.WorkloadRisk = some(t, "insider risk", insiders...), some(t, "workload risk", levels...)
	}
	p.Conditions.Device = optional(t, "device", 4, func() access.Filter {
		return access.Filter{Exclude: rapid.Bool().Draw(t, "device out"), Rule: one(t, "device rule", rules...)}
	})
	if rarely(t, "transfer?", 5) {
		p.Conditions.Transfer = some(t, "transfer", handed...)
	}
	if rarely(t, "workloads?", 6) {
		p.Conditions.Users = access.Users{None: true}
		p.Conditions.Workloads = &access.Workloads{All: rapid.Bool().Draw(t, "every workload"), Include: some(t, "workloads in", apps...), Exclude: some(t, "workloads out", apps...)}
	}
	if rarely(t, "block", 6) {
		p.Grant.Controls = []access.Control{access.Block}
		return p
	}
	p.Grant.Controls = some(t, "controls", access.MFA, access.CompliantDevice, access.DomainJoinedDevice, access.ApprovedApplication, access.CompliantApplication, access.PasswordChange)
	if rarely(t, "terms?", 4) {
		p.Grant.Terms = some(t, "terms", terms...)
	}
	if rarely(t, "strength?", 5) {
		p.Grant.Strength = one(t, "strength", strength.Multifactor, strength.PhishingResistant, "gone")
	}
	p.Session = optional(t, "session", 3, func() access.SessionControls { return drawSession(t) })
	return p
}

func drawUsers(t *rapid.T) access.Users {
	u := access.Users{
		All: rapid.Bool().Draw(t, "everyone"), Include: some(t, "people in", people...), Exclude: some(t, "people out", people...),
		IncludeGroups: some(t, "groups in", groups...), IncludeRoles: some(t, "roles in", roles...),
	}
	if rarely(t, "exclude?", 3) {
		u.ExcludeGroups, u.ExcludeRoles = some(t, "groups out", groups...), some(t, "roles out", roles...)
	}
	if rarely(t, "guests?", 3) {
		u.AnyGuest, u.NoGuest = rapid.Bool().Draw(t, "guests in"), rapid.Bool().Draw(t, "guests out")
		u.IncludeGuests = optional(t, "kinds in", 2, func() access.Guests { return drawGuests(t) })
		u.ExcludeGuests = optional(t, "kinds out", 2, func() access.Guests { return drawGuests(t) })
	}
	return u
}

func drawGuests(t *rapid.T) access.Guests {
	return access.Guests{
		Kinds: some(t, "kinds", directory.GuestKinds()...), Enumerated: rapid.Bool().Draw(t, "enumerated"), Tenants: some(t, "tenants", tenants...),
	}
}

func drawApps(t *rapid.T) access.Apps {
	switch rapid.IntRange(0, 7).Draw(t, "target") {
	case 0:
		return access.Apps{Actions: some(t, "actions", access.RegisterSecurityInfo, access.RegisterDevice)}
	case 1:
		return access.Apps{Contexts: some(t, "contexts", access.ContextID("c1"), "c2")}
	}
	return access.Apps{
		All: rapid.Bool().Draw(t, "every app"), Include: some(t, "apps in", apps...), Exclude: some(t, "apps out", apps...),
		IncludeGroups: some(t, "app groups in", access.Office365, "tag"), ExcludeGroups: some(t, "app groups out", access.Office365, "tag"),
		Filter: optional(t, "app filter", 4, func() access.Filter {
			return access.Filter{Exclude: rapid.Bool().Draw(t, "app filter out"), Rule: one(t, "app rule", appRules...)}
		}),
	}
}

func drawSession(t *rapid.T) access.SessionControls {
	return access.SessionControls{
		Frequency: optional(t, "frequency", 2, func() access.Frequency {
			return access.Frequency{
				Disabled: rarely(t, "frequency off", 4), EveryTime: rarely(t, "every time", 3), After: time.Duration(rapid.IntRange(1, 3).Draw(t, "hours")) * time.Hour,
				Secondary: rapid.Bool().Draw(t, "secondary"),
			}
		}),
		Persistent: one(t, "persistent", "", access.PersistAlways, access.PersistNever), PersistentOff: rarely(t, "persistent off", 4),
		CloudApps: one(t, "cloud apps", "", access.MonitorOnly, access.McasConfigured, access.BlockDownloads), CloudAppsOff: rarely(t, "cloud apps off", 4),
		AppRestrictions: one(t, "restrictions", access.Unset, access.Off, access.On), ResilienceDisabled: one(t, "resilience", access.Unset, access.Off, access.On),
		TokenProtection: one(t, "token protection", access.Unset, access.Unset, access.Off, access.On),
		Continuous:      one(t, "continuous", "", access.ContinuousOff, access.ContinuousStrictLocation, access.ContinuousStrict),
	}
}

func drawFacts(t *rapid.T) access.Facts {
	f := access.Facts{
		User: one(t, "user", people...), Groups: some(t, "groups", groups...), Roles: some(t, "roles", roles...),
		ClientAppType: one(t, "client", append(clients, "")...), Platform: one(t, "platform", append(systems, "")...),
		IP: one(t, "address", netip.Addr{}, netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("::ffff:10.1.9.9"), netip.MustParseAddr("192.0.2.1"),
			netip.MustParseAddr("2001:db8:1::5"), netip.MustParseAddr("203.0.113.1")),
		Country: one(t, "country", "", "DE", "FR"), SignInRisk: one(t, "sign-in risk", append(levels, "")...), UserRisk: one(t, "user risk", append(levels, "")...),
		InsiderRisk: one(t, "insider risk", append(insiders, "")...), Device: optional(t, "device", 2, func() access.Device { return drawDevice(t) }),
		Transfer: one(t, "transfer", "", "", handed[0], handed[1]), OriginalTransfer: one(t, "original transfer", "", "", handed[0], handed[1]),
		Methods: one(t, "methods", strength.Password, strength.Password|strength.SoftwareOath, strength.FIDO2), Offers: one(t, "offers", 0, strength.Password|strength.SoftwareOath),
		Terms: some(t, "terms", terms...), CompliantApplication: rapid.Bool().Draw(t, "protected"), Bound: rapid.Bool().Draw(t, "bound"),
		Background: rarely(t, "background", 4), Continues: rarely(t, "continues", 4), Now: noon, AuthAt: drawTime(t, "signed in"),
	}
	if rapid.Bool().Draw(t, "mfa") {
		f.MFAAt = drawTime(t, "mfa at")
	}
	if rarely(t, "password", 4) {
		f.PasswordChangedAt = drawTime(t, "password at")
	}
	for _, id := range some(t, "resources", apps...) {
		r := access.Resource{ID: id, Groups: some(t, "tags", access.Office365, "tag")}
		if rapid.Bool().Draw(t, "attributes") {
			r.Attributes = map[string]string{"Set_Kind": one(t, "kind", "secret", "public")}
		}
		f.Resources = append(f.Resources, r)
	}
	if rarely(t, "action?", 4) {
		f.Actions = some(t, "actions", access.RegisterSecurityInfo, access.RegisterDevice)
	}
	if rarely(t, "context?", 4) {
		f.Contexts = some(t, "contexts", access.ContextID("c1"), "c2", "c3")
	}
	f.Bootstrap = rarely(t, "bootstrap", 5)
	switch rapid.IntRange(0, 7).Draw(t, "who") {
	case 0:
		f.User, f.Groups, f.Roles, f.Workload, f.WorkloadRisk = "", nil, nil, one(t, "workload", apps...), one(t, "workload risk", append(levels, "")...)
	case 1, 2:
		f.Guest, f.HomeTenant = one(t, "guest", directory.GuestKinds()...), one(t, "home", tenants...)
	case 3:
		f.User = directory.UserID(one(t, "nobody", "", "u9"))
	}
	return f
}

func drawTime(t *rapid.T, label string) time.Time {
	return noon.Add(-time.Duration(rapid.SampledFrom([]int{-2, 0, 3, 5, 6, 59, 60, 61, 119, 120, 200, 300}).Draw(t, label)) * time.Minute)
}

func drawDevice(t *rapid.T) access.Device {
	d := access.Device{
		TrustType: one(t, "trust", access.Registered, access.HybridJoined, access.Joined, ""), Compliant: rapid.Bool().Draw(t, "compliant"),
		Managed: rapid.Bool().Draw(t, "managed"), Model: one(t, "model", "", "Surface", "X1"), OperatingSystemVersion: one(t, "version", "", "10.0.22631.1", "10.0.19045.2"),
		SystemLabels: some(t, "labels", "M365", "M365Managed"),
	}
	d.ExtensionAttributes[0] = one(t, "extension", "", "SAW")
	return d
}
