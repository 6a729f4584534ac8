package targeting_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/targeting"
)

// filter is a filter for managed apps with a rule that is valid.
func filter(t testing.TB, id targeting.FilterID, rule string) targeting.Filter {
	t.Helper()
	r, err := targeting.ParseRule(targeting.WindowsApps, rule)
	if err != nil {
		t.Fatalf("%s: %v", rule, err)
	}
	return targeting.Filter{
		ID: id, Tenant: "t", DisplayName: "Contoso laptops", Platform: targeting.WindowsApps, ForApps: true, Rule: r,
		ScopeTags: []string{"0"}, CreatedAt: time.Unix(1, 0).UTC(), ModifiedAt: time.Unix(2, 0).UTC(), Revision: 3,
	}
}

func TestAFilterReadsEverythingTheVocabularyOffers(t *testing.T) {
	app := targeting.App{AppVersion: "1.1", OSVersion: "10.0.22631.3155", Manufacturer: "Contoso", Model: "Book"}
	want := map[string]string{
		devicefilter.AppVersion: `"1.1"`, devicefilter.AppOSVersion: `"10.0.22631.3155"`, devicefilter.AppOperatingSystemVersion: "22631.3155",
		devicefilter.AppDeviceManufacturer: `"contoso"`, devicefilter.AppDeviceModel: `"book"`,
	}
	for _, p := range vocabulary(t, targeting.WindowsApps).Properties() {
		if !filter(t, "f", p.Name+" -eq "+want[p.Name]).Passes(app) {
			t.Errorf("%s is not %s", p.Name, want[p.Name])
		}
		if !filter(t, "f", p.Name+" -eq $null").Passes(targeting.App{}) {
			t.Errorf("%s is there although nobody reported it", p.Name)
		}
	}
}

func TestNothingPassesAFilterThatCannotBeAsked(t *testing.T) {
	good := filter(t, "f", `(app.deviceModel -ne "a")`)
	if !good.Usable() || !good.Passes(targeting.App{}) {
		t.Fatal("the filter itself does not work")
	}
	for name, spoil := range map[string]func(*targeting.Filter){
		"for devices":        func(f *targeting.Filter) { f.ForApps = false },
		"of another system":  func(f *targeting.Filter) { f.Platform = "iOSMobileApplicationManagement" },
		"without a rule":     func(f *targeting.Filter) { f.Rule = devicefilter.Rule{} },
		"with a broken rule": func(f *targeting.Filter) { f.Rule = devicefilter.Unread("(") },
	} {
		bad := good
		spoil(&bad)
		if bad.Usable() || bad.Passes(targeting.App{}) {
			t.Errorf("a filter %s passes", name)
		}
	}
}

func TestAFilterSurvivesJSON(t *testing.T) {
	device, err := targeting.ParseRule(targeting.WindowsDevices, `(device.model -contains "Cloud PC")`)
	if err != nil {
		t.Fatal(err)
	}
	forDevices := filter(t, "d", `app.deviceModel -eq "a"`)
	forDevices.Platform, forDevices.ForApps, forDevices.Rule = targeting.WindowsDevices, false, device
	forDevices.Description = "Cloud PCs"
	lost, foreign := filter(t, "l", `app.deviceModel -eq "a"`), filter(t, "i", `app.deviceModel -eq "a"`)
	lost.Rule = devicefilter.Unread(`(app.shoeSize -eq "43")`)
	foreign.Platform, foreign.Rule = "iOS", devicefilter.Unread(`(device.model -eq "iPhone 8")`)
	for _, f := range []targeting.Filter{filter(t, "f", ` (APP.deviceModel eq 'd''Or') `), forDevices, lost, foreign} {
		raw, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var back targeting.Filter
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if !reflect.DeepEqual(back, f) {
			t.Errorf("%s became %+v", raw, back)
		}
	}
	if err := json.Unmarshal([]byte(`{"Revision":"one"}`), &targeting.Filter{}); err == nil {
		t.Error("a revision that is no number is read")
	}
}

func TestARuleThatIsNoLongerValidIsKeptAndNotAsked(t *testing.T) {
	for _, rule := range []string{`(app.shoeSize -eq \"43\")`, `(`, ``} {
		var f targeting.Filter
		if err := json.Unmarshal([]byte(`{"ID":"f","ForApps":true,"Platform":"windowsMobileApplicationManagement","Rule":"`+rule+`"}`), &f); err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		if f.Usable() || f.Rule.String() != strings.ReplaceAll(rule, `\`, "") || f.ID != "f" {
			t.Errorf("%s: %+v", rule, f)
		}
	}
}

func TestPlatformsHaveTheirVocabulary(t *testing.T) {
	for platform, first := range map[string]string{targeting.WindowsDevices: "device.", targeting.WindowsApps: "app."} {
		v, err := targeting.Vocabulary(platform)
		if err != nil || !strings.HasPrefix(v.Properties()[0].Name, first) {
			t.Errorf("%s: %v, %v", platform, v.Properties(), err)
		}
	}
	if _, err := targeting.ParseRule("macOS", `(device.model -eq "a")`); fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Detail(err), `"macOS"`) {
		t.Errorf("macOS: %v", err)
	}
}

func TestABadFilterIsExplained(t *testing.T) {
	if err := targeting.ValidateFilter(filter(t, "f", `(app.deviceModel -eq "a")`)); err != nil {
		t.Errorf("a good filter: %v", err)
	}
	tests := []struct {
		name  string
		spoil func(*targeting.Filter)
		says  []string
	}{
		{"no name", func(f *targeting.Filter) { f.DisplayName = " " }, []string{"displayName", `" "`, "1 to 256"}},
		{"a long name", func(f *targeting.Filter) { f.DisplayName = strings.Repeat("é", 257) }, []string{"displayName", "...", "1 to 256"}},
		{"a long description", func(f *targeting.Filter) { f.Description = strings.Repeat("é", 1025) }, []string{"description", "1025", "0 to 1024"}},
		{"another platform", func(f *targeting.Filter) { f.Platform = "androidForWork" }, []string{"platform", `"androidForWork"`, "windows10AndLater", "windowsMobileApplicationManagement"}},
		{"apps on a platform of devices", func(f *targeting.Filter) { f.Platform = targeting.WindowsDevices }, []string{"assignmentFilterManagementType", "devices with windows10AndLater"}},
		{"devices on a platform of apps", func(f *targeting.Filter) { f.ForApps = false }, []string{"assignmentFilterManagementType", "apps with windowsMobileApplicationManagement"}},
		{"no rule", func(f *targeting.Filter) { f.Rule = devicefilter.Rule{} }, []string{"rule", "ends here"}},
		{"a rule for devices", func(f *targeting.Filter) {
			f.Rule, _ = targeting.ParseRule(targeting.WindowsDevices, `device.model -eq "a"`)
		}, []string{"rule", "device.model is not a property"}},
		{"two mistakes", func(f *targeting.Filter) { f.DisplayName, f.Rule = "", devicefilter.Unread("(") }, []string{"displayName", "; rule"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := filter(t, "f", `(app.deviceModel -eq "a")`)
			tt.spoil(&f)
			refused(t, targeting.ValidateFilter(f), tt.says)
		})
	}
}

func refused(t *testing.T, err error, says []string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != fault.Invalid {
		t.Fatalf("error %v", err)
	}
	for _, s := range says {
		if !strings.Contains(fault.Detail(err), s) {
			t.Errorf("%q does not say %q", fault.Detail(err), s)
		}
	}
}

func TestBadAssignmentsAreExplained(t *testing.T) {
	good := []targeting.Assignment{
		{Kind: targeting.IncludeGroup, Group: "g", Filter: "f", Mode: targeting.Include},
		{Kind: targeting.ExcludeGroup, Group: "g"},
		{Kind: targeting.AllUsers, Filter: "f", Mode: targeting.Exclude},
		{Kind: targeting.AllUsers},
	}
	if err := targeting.ValidateAssignments(good); err != nil {
		t.Errorf("good assignments: %v", err)
	}
	tests := []struct {
		name string
		bad  targeting.Assignment
		says []string
	}{
		{"everybody and a group", targeting.Assignment{Kind: targeting.AllUsers, Group: "g"}, []string{"all users", `"g"`}},
		{"no group", targeting.Assignment{Kind: targeting.ExcludeGroup}, []string{"excludeGroup", "no group"}},
		{"another kind", targeting.Assignment{Kind: "allDevices"}, []string{`"allDevices"`, "includeGroup, excludeGroup, allUsers"}},
		{"a filter without a mode", targeting.Assignment{Kind: targeting.AllUsers, Filter: "f"}, []string{`"f"`, "include, exclude"}},
		{"a mode without a filter", targeting.Assignment{Kind: targeting.AllUsers, Mode: targeting.Include}, []string{"mode include without a filter"}},
		{"another mode", targeting.Assignment{Kind: targeting.AllUsers, Filter: "f", Mode: "perhaps"}, []string{`"perhaps"`, "none, include, exclude"}},
		{"a filter on an exclusion", targeting.Assignment{Kind: targeting.ExcludeGroup, Group: "g", Filter: "f", Mode: targeting.Include}, []string{`"f"`, "an inclusion"}},
		{"a mode on an exclusion", targeting.Assignment{Kind: targeting.ExcludeGroup, Group: "g", Mode: targeting.Include}, []string{"excludes a group"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refused(t, targeting.ValidateAssignments(append(good[:1:1], tt.bad)), append(tt.says, "assignments[1]"))
		})
	}
	refused(t, targeting.ValidateAssignments([]targeting.Assignment{{Kind: targeting.AllUsers, Group: directory.GroupID(strings.Repeat("g", 99))}, {}}), []string{"ggg...", "; assignments[1]"})
}

func vocabulary(t *testing.T, platform string) devicefilter.Vocabulary {
	t.Helper()
	v, err := targeting.Vocabulary(platform)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVersionsOfAppsAndOfWindowsAreOrderedAsNumbers(t *testing.T) {
	for rule, want := range map[string]bool{
		`(app.appVersion -gt "9.0")`:                    true, // 10 is above 9, although "1" comes before "9"
		`(app.appVersion -gt "10.1")`:                   false,
		`(app.operatingSystemVersion -ge "22631.3155")`: true, // as winver spells it
		`(app.operatingSystemVersion -ge 10.0.26100.0)`: false,
	} {
		if got := filter(t, "f", rule).Passes(targeting.App{AppVersion: "10.0.1", OSVersion: "10.0.22631.4000"}); got != want {
			t.Errorf("%s: %v", rule, got)
		}
	}
}
