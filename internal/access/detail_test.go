package access_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// A device says of itself what device filters may ask, and no more.
func TestADeviceAnswersEveryPropertyOfFilters(t *testing.T) {
	d := access.Device{
		ID: "id", DisplayName: "name", Ownership: "Personal", TrustType: access.HybridJoined, Compliant: true, MDMAppID: "mdm", ProfileType: "Shared",
		EnrollmentProfileName: "profile", Manufacturer: "maker", Model: "model", OperatingSystem: "Windows", OperatingSystemVersion: "10.0",
		PhysicalIDs: []string{"a", "b"}, SystemLabels: []string{"label"}, ExtensionAttributes: [15]string{14: "last"},
	}
	for property, want := range map[string]string{
		"device.deviceId": "id", "device.displayName": "name", "device.deviceOwnership": "Personal", "device.trustType": "ServerAD",
		"device.isCompliant": "True", "device.mdmAppId": "mdm", "device.profileType": "Shared", "device.enrollmentProfileName": "profile",
		"device.manufacturer": "maker", "device.model": "model", "device.operatingSystem": "Windows", "device.operatingSystemVersion": "10.0",
		"device.physicalIds": "a\nb", "device.systemLabels": "label", "device.extensionAttribute15": "last",
		"device.extensionAttribute1": "", "device.extensionAttribute16": "", "device.extensionAttribute0": "", "device.else": "",
	} {
		if got, known := d.Fact(property); got != want || known != (want != "") {
			t.Errorf("%s is %q, %v", property, got, known)
		}
	}
	if got, known := (&access.Device{}).Fact("device.isCompliant"); got != "False" || !known {
		t.Errorf("a device that is not compliant is %q, %v", got, known)
	}
}

// Which code a refusal has, by what is missing.
func TestTheCodeNamesWhatCannotBeHadHere(t *testing.T) {
	bound := func(p *access.Policy) { p.Session = &access.SessionControls{TokenProtection: access.On} }
	check(t, []law{
		{"a joined device", []access.Policy{policy("a", access.DomainJoinedDevice)}, nil, "denied 53001 [domainJoinedDevice] [failure]"},
		{"before it a managed one", []access.Policy{either(policy("a", access.DomainJoinedDevice, access.CompliantDevice))}, nil,
			"denied 53000 [compliantDevice domainJoinedDevice] [failure]"},
		{"an approved app", []access.Policy{policy("a", access.ApprovedApplication)}, nil, "denied 53002 [approvedApplication] [failure]"},
		{"a bound token", []access.Policy{with(policy("a"), bound)}, nil, "denied 530084 [signInTokenProtection] [failure]"},
		{"a stronger method", []access.Policy{with(policy("a"), func(p *access.Policy) { p.Grant.Strength = strength.PhishingResistant })}, nil,
			"denied 50076 [authenticationStrength] [failure]"},
		{"methods that are strong enough", []access.Policy{with(policy("a"), func(p *access.Policy) { p.Grant.Strength = strength.Multifactor })},
			func(f *access.Facts) { f.Methods = strength.Password | strength.SoftwareOath }, "granted 0 [] [success]"},
		{"a strength that is gone is met by nobody", []access.Policy{with(policy("a"), func(p *access.Policy) { p.Grant.Strength = "gone" })},
			func(f *access.Facts) { f.Methods = ^strength.Methods(0) }, "denied 50076 [authenticationStrength] [failure]"},
		{"a method that the page can ask for", []access.Policy{with(policy("a"), func(p *access.Policy) { p.Grant.Strength = strength.Multifactor })},
			func(f *access.Facts) {
				f.Methods, f.Offers = strength.Password, strength.Password|strength.SoftwareOath
			}, "challenge 50076 [authenticationStrength] [failure]"},
		{"a new password", []access.Policy{policy("a", access.MFA, access.PasswordChange)}, mfaDone, "challenge 50142 [passwordChange] [failure]"},
		{"terms of use", []access.Policy{with(policy("a"), func(p *access.Policy) { p.Grant.Terms = []agreement.ID{"x"} })}, nil, "challenge 50158 [termsOfUse] [failure]"},
		{"a joined device has no device code", []access.Policy{policy("a", access.DomainJoinedDevice)}, func(f *access.Facts) {
			f.Device, f.OriginalTransfer = &access.Device{TrustType: access.HybridJoined}, access.DeviceCodeFlow
		}, "denied 53001 [domainJoinedDevice] [failure]"},
		{"a way of transfer that is not known is every one", []access.Policy{with(policy("a", access.Block), func(p *access.Policy) {
			p.Conditions.Transfer = []access.TransferMethod{access.AuthenticationTransfer}
		})}, func(f *access.Facts) { f.Transfer = "pigeon" }, "denied 53003 [] [failure]"},
		{"a filter that cannot be read takes everybody in", []access.Policy{with(policy("a", access.Block), func(p *access.Policy) {
			p.Conditions.Device = &access.Filter{Rule: "?"}
		})}, nil, "denied 53003 [] [failure]"},
		{"also by its apps", []access.Policy{with(policy("a", access.Block), func(p *access.Policy) {
			p.Conditions.Apps = access.Apps{Filter: &access.Filter{Rule: "?"}}
		})}, nil, "denied 53003 [] [failure]"},
	})
}

func TestASignInIsFreshForAsLongAsAPolicyLetsIt(t *testing.T) {
	hourly := access.Frequency{After: time.Hour}
	for name, tt := range map[string]struct {
		frequency access.Frequency
		facts     func(*access.Facts)
		fresh     bool
	}{
		"just now":                          {hourly, func(*access.Facts) {}, true},
		"by the second":                     {hourly, func(f *access.Facts) { f.AuthAt = noon.Add(-time.Hour + 1) }, true},
		"not an hour later":                 {hourly, func(f *access.Facts) { f.AuthAt = noon.Add(-time.Hour) }, false},
		"a clock that is a little ahead":    {hourly, func(f *access.Facts) { f.AuthAt = noon.Add(time.Minute) }, true},
		"no sign-in of the future":          {hourly, func(f *access.Facts) { f.AuthAt = noon.Add(time.Minute + 1) }, false},
		"nor one that never was":            {hourly, func(f *access.Facts) { f.AuthAt = time.Time{} }, false},
		"the question is put off":           {hourly, func(f *access.Facts) { f.AuthAt, f.Background = noon.Add(-119*time.Minute), true }, true},
		"for an hour":                       {hourly, func(f *access.Facts) { f.AuthAt, f.Background = noon.Add(-2*time.Hour), true }, false},
		"every time, but not in the middle": {access.Frequency{EveryTime: true}, func(f *access.Facts) { f.AuthAt, f.Continues = noon.Add(-3*time.Hour), true }, true},
		"the second factor alone":           {access.Frequency{After: time.Hour, Secondary: true}, func(f *access.Facts) { f.AuthAt, f.MFAAt = noon.Add(-9*time.Hour), noon }, true},
		"which is old":                      {access.Frequency{After: time.Hour, Secondary: true}, func(f *access.Facts) { f.MFAAt = noon.Add(-2 * time.Hour) }, false},
		"or was never shown":                {access.Frequency{After: time.Hour, Secondary: true}, func(f *access.Facts) { f.AuthAt = noon.Add(-9 * time.Hour) }, true},
		"switched off":                      {access.Frequency{After: time.Hour, Disabled: true}, func(f *access.Facts) { f.AuthAt = noon.Add(-9 * time.Hour) }, true},
	} {
		p := with(policy("a"), func(p *access.Policy) { p.Session = &access.SessionControls{Frequency: &tt.frequency} })
		f := signIn(tt.facts)
		if d := set(p).Evaluate(&f); (d.Outcome == access.Granted) != tt.fresh {
			t.Errorf("%s: %s", name, d.Outcome)
		}
	}
	// An app as itself has no sign-in that could be old.
	p := access.Policy{ID: "a", State: access.Enabled, Conditions: access.Conditions{
		Users: access.Users{None: true}, Apps: access.Apps{All: true}, Workloads: &access.Workloads{All: true},
	}, Session: &access.SessionControls{Frequency: &hourly}}
	if d := set(p).Evaluate(&access.Facts{Workload: "w", Now: noon}); d.Outcome != access.Granted || !d.Covered() {
		t.Errorf("%+v", d.Outcome)
	}
}

func TestOfTwoSessionControlsTheStricterWins(t *testing.T) {
	q := func(every bool, hours int, secondary bool) *access.SessionControls {
		return &access.SessionControls{Frequency: &access.Frequency{EveryTime: every, After: time.Duration(hours) * time.Hour, Secondary: secondary}}
	}
	for _, tt := range []struct {
		a, b *access.SessionControls
		want access.Session
	}{
		{q(false, 8, true), q(false, 1, false), access.Session{ReauthAfter: time.Hour}},
		{q(false, 1, true), q(false, 1, false), access.Session{ReauthAfter: time.Hour}},
		{q(false, 1, true), q(false, 1, true), access.Session{ReauthAfter: time.Hour, SecondaryOnly: true}},
		{q(true, 0, false), q(false, 1, true), access.Session{ReauthEveryTime: true}},
		{q(true, 0, true), q(true, 0, false), access.Session{ReauthEveryTime: true}},
		{&access.SessionControls{Persistent: access.PersistAlways}, &access.SessionControls{Persistent: access.PersistNever}, access.Session{Persistent: access.PersistNever}}, // V26
		{&access.SessionControls{Persistent: access.PersistAlways}, &access.SessionControls{Persistent: access.PersistNever, PersistentOff: true}, access.Session{Persistent: access.PersistAlways}},
		{&access.SessionControls{CloudApps: access.BlockDownloads}, &access.SessionControls{CloudApps: access.MonitorOnly}, access.Session{CloudApps: access.BlockDownloads}},
		{&access.SessionControls{CloudApps: access.BlockDownloads, CloudAppsOff: true}, &access.SessionControls{CloudApps: access.MonitorOnly}, access.Session{CloudApps: access.MonitorOnly}},
		{&access.SessionControls{Continuous: access.ContinuousOff}, &access.SessionControls{Continuous: access.ContinuousStrict}, access.Session{Continuous: access.ContinuousStrict}},
		{&access.SessionControls{AppRestrictions: access.On}, &access.SessionControls{ResilienceDisabled: access.On}, access.Session{AppRestrictions: true, NoResilience: true}},
		{&access.SessionControls{TokenProtection: access.On}, nil, access.Session{TokenProtection: true}},
	} {
		for _, order := range [][2]*access.SessionControls{{tt.a, tt.b}, {tt.b, tt.a}} {
			p, r := policy("a"), policy("b")
			p.Session, r.Session = order[0], order[1]
			f := signIn(func(f *access.Facts) { f.Bound, f.MFAAt = true, noon })
			if d := set(p, r).Evaluate(&f); d.Session != tt.want {
				t.Errorf("%+v, want %+v", d.Session, tt.want)
			}
		}
	}
}

func TestAnExplanationIsTheSmallestWayIn(t *testing.T) {
	can := []access.Step{
		"signInFrequency", "mfa", "termsOfUse", "passwordChange", "compliantApplication", "compliantDevice", "domainJoinedDevice", access.TrustedLocation,
		"a ninth is not looked at",
	}
	trusted := with(policy("b", access.Block), func(p *access.Policy) { p.Conditions.Locations = &access.Locations{All: true, ExcludeTrusted: true} })
	for name, tt := range map[string]struct {
		policies []access.Policy
		facts    func(*access.Facts)
		want     access.Explanation
	}{
		"nothing is missing": {nil, nil, access.Explanation{Steps: []access.Step{}}},
		"nothing helps":      {[]access.Policy{policy("a", access.Block)}, nil, access.Explanation{}},
		"of two the cheaper": {[]access.Policy{either(policy("a", access.CompliantApplication, access.MFA))}, nil,
			access.Explanation{Steps: []access.Step{"mfa"}, Alternatives: [][]access.Step{{"compliantApplication"}}}},
		"one for both policies": {[]access.Policy{either(policy("a", access.MFA, access.CompliantDevice)), either(policy("b", access.CompliantApplication, access.CompliantDevice))}, nil,
			access.Explanation{Steps: []access.Step{"compliantDevice"}, Alternatives: [][]access.Step{{"mfa", "compliantApplication"}}}},
		"all that is missing": {[]access.Policy{policy("a", access.MFA, access.DomainJoinedDevice), trusted}, nil,
			access.Explanation{Steps: []access.Step{"mfa", "domainJoinedDevice", access.TrustedLocation}}},
		"an old sign-in, second factor and all": {[]access.Policy{with(policy("a", access.MFA), func(p *access.Policy) {
			p.Session = &access.SessionControls{Frequency: &access.Frequency{After: time.Hour}}
		})}, func(f *access.Facts) { f.AuthAt, f.MFAAt = noon.Add(-2*time.Hour), noon.Add(-2*time.Hour) }, access.Explanation{Steps: []access.Step{"signInFrequency"}}},
		"a new password ends the risk": {[]access.Policy{with(policy("a", access.Block), func(p *access.Policy) { p.Conditions.UserRisk = []access.Risk{access.RiskHigh} })},
			func(f *access.Facts) { f.UserRisk, f.MFAAt = access.RiskHigh, noon }, access.Explanation{Steps: []access.Step{"passwordChange"}}},
		"terms of use": {[]access.Policy{with(policy("a"), func(p *access.Policy) { p.Grant.Terms = []agreement.ID{"x"} })}, nil,
			access.Explanation{Steps: []access.Step{"termsOfUse"}}},
	} {
		f := signIn(tt.facts)
		before := f.Clone()
		if got := set(tt.policies...).Explain(&f, can); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
		if !reflect.DeepEqual(f, before) {
			t.Errorf("%s: the facts were changed", name)
		}
	}
	f := signIn(nil)
	bound := with(policy("a"), func(p *access.Policy) { p.Session = &access.SessionControls{TokenProtection: access.On} })
	if got := set(bound).Explain(&f, []access.Step{"signInTokenProtection"}); !slices.Equal(got.Steps, []access.Step{"signInTokenProtection"}) {
		t.Errorf("%+v", got)
	}
	nowhere := access.Compile(access.Rules{Policies: []access.Policy{trusted}, Locations: []location.Location{{ID: "c", Countries: []string{"DE"}}}})
	if got := nowhere.Explain(&f, []access.Step{access.TrustedLocation}); got.Steps != nil {
		t.Errorf("there is no trusted location, and %v helps", got.Steps)
	}
	known := signIn(func(f *access.Facts) { f.Device = &access.Device{} })
	if got := set(policy("a", access.CompliantDevice)).Explain(&known, []access.Step{"compliantDevice"}); len(got.Steps) != 1 || known.Device.Compliant {
		t.Errorf("%+v, %+v", got, known.Device)
	}
}

func TestADraftStandsInForWhatItReplaces(t *testing.T) {
	r := access.Rules{Policies: []access.Policy{policy("a"), policy("b"), policy("c")}}
	changed := policy("b", access.Block)
	got := r.Draft([]access.Policy{changed, policy("d")}, []access.PolicyID{"c"})
	var names []string
	for _, p := range got.Policies {
		names = append(names, string(p.ID))
	}
	if strings.Join(names, "") != "abd" || len(got.Policies[1].Grant.Controls) != 1 || len(r.Policies[1].Grant.Controls) != 0 || len(r.Policies) != 3 {
		t.Errorf("%v", names)
	}
	for _, tt := range []struct {
		now, draft access.Outcome
		want       access.Effect
	}{
		{access.Granted, access.Granted, access.Unchanged}, {access.Denied, access.Granted, access.LetIn}, {access.Challenge, access.Granted, access.LetIn},
		{access.Denied, access.Challenge, access.Eased}, {access.Granted, access.Challenge, access.Prompted}, {access.Granted, access.Denied, access.Blocked},
		{access.Challenge, access.Denied, access.Blocked},
	} {
		if got := access.Compare(tt.now, tt.draft); got != tt.want || got.String() == "" {
			t.Errorf("%s then %s is %s", tt.now, tt.draft, got)
		}
	}
}

func TestARecordThatWasNotDecidedSoIsToldApart(t *testing.T) {
	s, f := set(policy("a", access.MFA)), signIn(mfaDone)
	d := s.Evaluate(&f)
	sound := access.Record{Outcome: d.Outcome, Code: d.Code, Applied: d.Matched(), Facts: &f, Set: s.ID()}
	if err := s.Reproduce(sound); err != nil {
		t.Fatal(err)
	}
	if err := s.Reproduce(access.Record{}); err != nil {
		t.Errorf("where no policy was asked nothing can differ: %v", err)
	}
	for _, change := range []func(*access.Record){
		func(r *access.Record) { r.Set = "x" }, func(r *access.Record) { r.Outcome = access.Denied }, func(r *access.Record) { r.Code = 1 },
		func(r *access.Record) { r.Applied = nil }, func(r *access.Record) { r.Controls = &access.Session{NoResilience: true} },
	} {
		r := sound
		change(&r)
		if s.Reproduce(r) == nil {
			t.Errorf("%+v comes out again", r)
		}
	}
}

func TestResultsAndConditionsHaveNames(t *testing.T) {
	in := struct {
		Results    []access.Result
		Conditions []access.Condition
	}{[]access.Result{access.NotApplied, access.ReportOnlyInterrupted}, []access.Condition{access.OfUsers, access.OfTransfer}}
	doc, err := json.Marshal(in)
	const want = `{"Results":["notApplied","reportOnlyInterrupted"],"Conditions":["users","authenticationFlows"]}`
	if err != nil || string(doc) != want {
		t.Fatalf("%s, %v", doc, err)
	}
	out := in
	out.Results, out.Conditions = nil, nil
	if err := json.Unmarshal(doc, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%+v, %v", out, err)
	}
	if in.Results[1].String() != "reportOnlyInterrupted" || in.Conditions[1].String() != "authenticationFlows" {
		t.Errorf("%v", in)
	}
	if err := json.Unmarshal([]byte(`{"Conditions":["weather"]}`), &out); err == nil {
		t.Error("a condition that nobody knows is read")
	}
}

func TestFactsAreCopiedWithAllThatIsChangedInThem(t *testing.T) {
	f := signIn(func(f *access.Facts) {
		f.Device, f.Terms, f.IP = &access.Device{Model: "a"}, []agreement.ID{"x"}, netip.MustParseAddr("192.0.2.1")
	})
	c := f.Clone()
	c.Device.Model, c.Terms[0], c.Groups[0], c.Resources[0].ID = "b", "y", "z", "w"
	if f.Device.Model != "a" || f.Terms[0] != "x" || f.Groups[0] != all || f.Resources[0].ID != site {
		t.Errorf("%+v", f)
	}
}

func TestWhoSignsInIsAUserWithRolesThatPoliciesName(t *testing.T) {
	f := access.Facts{Roles: []directory.RoleTemplateID{"before"}, UserRisk: access.RiskHigh}
	f.Identify(directory.User{ID: "u", Roles: []directory.Role{"Of another world", directory.GlobalAdministrator}, Guest: directory.InternalGuest, HomeTenant: "home"}, []directory.GroupID{"g"})
	want := access.Facts{
		User: "u", Groups: []directory.GroupID{"g"}, Roles: []directory.RoleTemplateID{directory.GlobalAdministrator.Template()},
		Guest: directory.InternalGuest, HomeTenant: "home", UserRisk: access.RiskNone,
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("%+v", f)
	}
	if f.Identify(directory.User{ID: "u", AtRisk: "high"}, nil); f.UserRisk != access.RiskHigh || f.Roles != nil {
		t.Errorf("%+v", f)
	}
}

func TestWhatAdministersIsAnAdminPortal(t *testing.T) {
	plain := access.ResourceOf(directory.App{ID: "a", Tags: []string{"payroll"}, Attributes: map[string]string{"s_a": "v"}})
	if !reflect.DeepEqual(plain, access.Resource{ID: "a", Groups: []access.AppGroup{"payroll"}, Attributes: map[string]string{"s_a": "v"}}) {
		t.Errorf("%+v", plain)
	}
	for _, tags := range [][]string{nil, {string(access.MicrosoftAdminPortals)}} {
		if r := access.ResourceOf(directory.App{ID: directory.GraphAPI, Tags: tags}); !slices.Equal(r.Groups, []access.AppGroup{access.MicrosoftAdminPortals}) {
			t.Errorf("%+v", r)
		}
	}
}
