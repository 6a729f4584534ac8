package devicefilter_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/devicefilter"
)

// known answers from a map; what is not in it is unknown.
func known(facts map[string]string) devicefilter.FactFunc {
	return func(property string) (string, bool) {
		value, ok := facts[property]
		return value, ok
	}
}

func parse(t *testing.T, text string, v devicefilter.Vocabulary) devicefilter.Rule {
	t.Helper()
	r, err := devicefilter.Parse(text, v)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

func TestRulesForManagedApps(t *testing.T) {
	laptop := map[string]string{
		"app.appVersion": "120.0.2210.91", "app.deviceManufacturer": `Contoso "Blue" Ltd`, "app.deviceModel": "Book `3` d'Or",
		"app.operatingSystemVersion": "10.0.22631.3155", "app.osVersion": "10.0.22631.3155",
	}
	tests := []struct {
		rule string
		want bool
	}{
		{`(app.deviceModel -contains "book")`, true},
		{`app.deviceModel contains "BOOK"`, true},
		{`APP.DEVICEMODEL -STARTSWITH "Book"`, true},
		{`(app.deviceModel -startsWith "Book 4")`, false},
		{`(app.deviceModel -startsWith "Book ` + "``3`` d'Or" + ` and more")`, false},
		{`(app.deviceModel -notContains "Tablet")`, true},
		{`(app.deviceModel -notContains "3")`, false},
		{`(app.deviceModel –eq "Book ` + "``3``" + ` d'or")`, true},
		{"(app.deviceModel -eq 'Book `3` d''Or')", true},
		{"(app.deviceManufacturer -eq \"Contoso `\"Blue`\" Ltd\")", true},
		{`(app.deviceManufacturer -eq 'Contoso "Blue" Ltd')`, true},
		{`(app.deviceManufacturer -in ["Fabrikam", 'contoso "blue" ltd'])`, true},
		{`(app.deviceManufacturer -in["Fabrikam"])`, false},
		{`(app.deviceManufacturer -notIn ["Fabrikam","Northwind"])`, true},
		{`(app.deviceManufacturer -ne $null)`, true},
		{`(app.deviceManufacturer -eq null)`, false},
		{`(app.deviceManufacturer -eq "$null")`, false},
		{`(app.appVersion -startsWith "120.")`, true},
		{`(app.appVersion -eq 120.0.2210.91)`, true},
		{`(app.appVersion -eq "120")`, false}, // as text
		{`(app.appVersion -gt "99.9")`, true},
		{`(app.appVersion -lt "120.0.2210.91")`, false},
		{`(app.osVersion -ge 22631)`, true},
		{`(app.operatingSystemVersion -gt 10.0.9)`, true}, // as a version, not as text
		{`(app.operatingSystemVersion -ge 10.0.22631.3155)`, true},
		{`(app.operatingSystemVersion -gt 10.0.22631.3155)`, false},
		{`(app.operatingSystemVersion -le "10.0.22631.3155")`, true},
		{`(app.operatingSystemVersion -lt 10.0.22631.3155)`, false},
		{`(app.operatingSystemVersion -eq 22631.3155)`, true}, // as winver prints it
		{`(app.operatingSystemVersion -ne 10.0.22631.3155)`, false},
		{`not (app.appVersion -startsWith "119.")`, true},
		{`-not app.appVersion -startsWith "119."`, true},
		{`not not app.appVersion -startsWith "119."`, false},
		{`(app.appVersion -eq "1") and (app.appVersion -eq "2") or (app.deviceModel -contains "book")`, true},
		{`(app.deviceModel -contains "book") -or (app.appVersion -eq "1") -and (app.appVersion -eq "2")`, true},
		{`((app.deviceModel -contains "book") or (app.appVersion -eq "1")) AND (app.appVersion -eq "2")`, false},
		{`not (app.appVersion -eq "1") and (app.appVersion -eq "2")`, false},
		{"\n\t( ( app.deviceModel\n-contains\u00a0\"book\" ) )\n", true},
	}
	for _, tt := range tests {
		r := parse(t, tt.rule, devicefilter.ManagedApps(house()))
		if got := r.Matches(known(laptop)); got != tt.want {
			t.Errorf("%s: %v", tt.rule, got)
		}
		if r.String() != tt.rule {
			t.Errorf("%s became %s", tt.rule, r)
		}
	}
}

// An unregistered device has no values at all (the table in the Entra
// documentation, "Policy behavior with filter for devices").
func TestAnAbsentValueIsNullAndNothingElse(t *testing.T) {
	tests := []struct {
		comparison string
		want       bool
	}{
		{`device.model -eq "a"`, false}, {`device.model -ne "a"`, true},
		{`device.model -in ["a"]`, false}, {`device.model -notIn ["a"]`, true},
		{`device.model -startsWith ""`, false}, {`device.model -notStartsWith ""`, true},
		{`device.model -endsWith ""`, false}, {`device.model -notEndsWith ""`, true},
		{`device.model -contains ""`, false}, {`device.model -notContains ""`, true},
		{`device.isCompliant -eq True`, false}, {`device.isCompliant -ne True`, true},
		{`device.isCompliant -eq False`, false}, {`device.isCompliant -ne "False"`, true},
		{`device.physicalIds -contains "a"`, false}, {`device.physicalIds -notContains "a"`, true},
		{`device.model -eq $null`, true}, {`device.model -ne $NULL`, false},
		{`-not (device.model -eq "a")`, true}, {`-not (device.model -ne "a")`, false},
	}
	empty := func(string) (string, bool) { return "", true }
	for _, tt := range tests {
		r := parse(t, tt.comparison, devicefilter.ConditionalAccess())
		if got := r.Matches(known(nil)); got != tt.want {
			t.Errorf("%s: %v for an unknown value", tt.comparison, got)
		}
		if got := r.Matches(devicefilter.FactFunc(empty)); got != tt.want {
			t.Errorf("%s: %v for an empty value", tt.comparison, got)
		}
	}
}

func TestWhatIsNoVersionHasNoOrder(t *testing.T) {
	insider := known(map[string]string{"app.operatingSystemVersion": "insider", "app.appVersion": "insider"})
	for comparison, want := range map[string]bool{
		"app.operatingSystemVersion -gt 0": false, "app.operatingSystemVersion -le 99": false,
		"app.operatingSystemVersion -eq 0": false, "app.operatingSystemVersion -ne 0": true,
		"app.operatingSystemVersion -eq $null": false, "app.appVersion -ge 0": false,
	} {
		if got := parse(t, comparison, devicefilter.ManagedApps(house())).Matches(insider); got != want {
			t.Errorf("%s: %v", comparison, got)
		}
	}
}

func TestRulesForConditionalAccess(t *testing.T) {
	device := known(map[string]string{
		"device.isCompliant": "true", "device.trustType": "ServerAD", "device.model": "Surface", "device.operatingSystemVersion": "10.0.9",
		"device.systemLabels": "AzureResource\nM365Managed", "device.extensionAttribute1": "SAW", "device.extensionAttribute15": "\u212aelvin",
	})
	tests := []struct {
		rule string
		want bool
	}{
		{`device.isCompliant -eq True -or device.trustType -eq "ServerAD"`, true},
		{`device.trustType -ne "ServerAD" -or device.isCompliant -ne True`, false},
		{`device.isCompliant -eq 'false'`, false},
		{`device.systemLabels -contains "M365"`, false}, // whole elements
		{`device.systemLabels -contains "m365managed"`, true},
		{`device.systemLabels -eq "AzureResource"`, true},
		{`device.systemLabels -ne "AzureResource"`, false},
		{`device.systemLabels -notContains "CloudPC"`, true},
		{`device.model -contains "face"`, true}, // anywhere
		{`device.model -endsWith "FACE"`, true},
		{`device.model -endsWith "sur"`, false},
		{`device.model -endsWith ""`, true},
		{`device.model -notEndsWith "book"`, true},
		{`device.model -contains "surfaces"`, false},
		{`device.extensionAttribute1 -ne "SAW"`, false},
		{`device.extensionAttribute15 -startsWith "k"`, true}, // one byte is as good as three
		{`device.extensionAttribute15 -endsWith "ELVIN"`, true},
		{`device.operatingSystemVersion -in ["10.0.9", "10.0.19045"]`, true},
	}
	for _, tt := range tests {
		if got := parse(t, tt.rule, devicefilter.ConditionalAccess()).Matches(device); got != tt.want {
			t.Errorf("%s: %v", tt.rule, got)
		}
	}
}

func TestAMistakeIsExplained(t *testing.T) {
	apps, devices, access := devicefilter.ManagedApps(house()), devicefilter.WindowsDevices(house()), devicefilter.ConditionalAccess()
	tests := []struct {
		words devicefilter.Vocabulary
		rule  string
		says  []string
	}{
		{apps, ``, []string{"character 1:", "the rule ends here", "app.appVersion"}},
		{apps, `(app.appVersoin -eq "1")`, []string{"character 2: app.appVersoin", "did you mean app.appVersion?"}},
		{apps, `(app.manufacturer -eq "1")`, []string{"app.manufacturer is not a property", "app.deviceManufacturer"}},
		{apps, `(app.deviceManagementType -eq "Unmanaged")`, []string{"app.deviceManagementType", "Android and iOS/iPadOS, not for Windows", "app.deviceModel"}},
		{devices, `(device.isRooted -eq "True")`, []string{"Android and iOS/iPadOS, not for Windows"}},
		{devices, `(app.appVersion -eq "1")`, []string{"app.appVersion is not a property", "device.model"}},
		{devices, `(device.deviceOwnership -eq "Company")`, []string{`"Company"`, "Personal, Corporate, Unknown"}},
		{access, `device.deviceOwnership -eq "Corporate"`, []string{`"Corporate"`, "Personal, Company"}},
		{access, `device.model -match "^a"`, []string{"character 14: -match is not an operator of device.model", "-notEndsWith"}},
		{access, `device.isCompliant -eq Yes`, []string{"device.isCompliant is Yes", "True and False"}},
		{access, `device.model -eq Surface`, []string{"Surface needs quotes", `"Surface"`}},
		{access, `device.model -in "a"`, []string{`"a" is not expected`, `["a", "b"]`}},
		{access, `device.model -in []`, []string{"] is not expected", "a value"}},
		{access, `device.model -in ["a",]`, []string{"] is not expected", "a value"}},
		{access, `device.model -in ["a" "b"]`, []string{`"b" is not expected`, ", or ]"}},
		{access, `device.model -in [$null]`, []string{"$null needs quotes"}},
		{access, `device.model -contains null`, []string{"null goes with -eq and -ne alone"}},
		{access, `device.model -eq`, []string{"character 17: the rule ends here", "a value"}},
		{access, `device.model "a"`, []string{`"a" is not expected`, "-eq, -ne"}},
		{access, `device.model -eq "a`, []string{"character 18:", "no closing quote"}},
		{access, "device.model -eq \"a`\"", []string{"no closing quote"}},
		{access, `(device.model -eq "a"`, []string{"character 22: the rule ends here", "-and, -or or )"}},
		{access, `device.model -eq "a")`, []string{") is not expected", "the end of the rule"}},
		{access, `device.model -eq "é" device.model -eq "b"`, []string{"character 22: device.model"}},
		{access, `device.model -eq "a" -and`, []string{"the rule ends here", "-not"}},
		{access, `-not`, []string{"the rule ends here"}},
		{access, `()`, []string{") is not expected"}},
		{access, `"device.model" -eq "a"`, []string{`"device.model" is not expected`}},
		{apps, `(app.operatingSystemVersion -gt "eleven")`, []string{"app.operatingSystemVersion", "eleven", "numbers"}},
		{apps, `(app.operatingSystemVersion -ne "10.0.22631.3155.")`, []string{"10.0.22631.3155."}},
		{apps, `(app.deviceModel — eq "x")`, []string{"— is not an operator of app.deviceModel"}},
		{apps, `(app.operatingSystemVersion -gt 22631.1.1)`, []string{"starts with a build"}},
		{apps, `(app.operatingSystemVersion -contains "10")`, []string{"-contains is not an operator of app.operatingSystemVersion", "-gt"}},
		{apps, `(app.appVersion -eq "` + strings.Repeat("9", 3072), []string{"rule has 3093 characters; valid are 1 to 3072"}},
		{apps, "\xff", []string{"not valid UTF-8"}},
		{apps, strings.Repeat("(", 33), []string{"character 33: the rule nests deeper than 32 levels"}},
		{apps, strings.Repeat("not ", 33), []string{"nests deeper than 32 levels"}},
		{apps, strings.Repeat("x", 99), []string{strings.Repeat("x", 64) + "... is not a property"}},
		{devicefilter.Vocabulary{}, `device.model -eq "a"`, []string{"device.model is not a property"}},
	}
	for _, tt := range tests {
		r, err := devicefilter.Parse(tt.rule, tt.words)
		if !errors.As(err, new(devicefilter.SyntaxError)) {
			t.Errorf("%s: %v", tt.rule, err)
			continue
		}
		if !r.IsZero() {
			t.Errorf("%s: a rule and an error", tt.rule)
		}
		for _, s := range append(tt.says, "rule") {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %q does not say %q", tt.rule, err.Error(), s)
			}
		}
	}
}

func TestTheLimitsThemselvesAreValid(t *testing.T) {
	long := `app.deviceModel -eq "` + strings.Repeat("é", devicefilter.MaxLength-22) + `"`
	deep := strings.Repeat("(", devicefilter.MaxNesting) + `app.deviceModel -eq "a"` + strings.Repeat(")", devicefilter.MaxNesting)
	wide := strings.TrimSuffix(strings.Repeat(`(app.deviceModel -eq "a") or `, 100), " or ")
	for _, rule := range []string{long, deep, wide} {
		parse(t, rule, devicefilter.ManagedApps(house()))
	}
}

func TestARuleNamesItsPropertiesOnce(t *testing.T) {
	r := parse(t, `(APP.devicemodel -eq "a") or (app.appVersion -eq "1") or (app.deviceModel -eq "b")`, devicefilter.ManagedApps(house()))
	want := []string{"app.deviceModel", "app.appVersion"}
	got := r.Properties()
	if !slices.Equal(got, want) {
		t.Errorf("Properties = %v", got)
	}
	got[0] = "mine"
	if !slices.Equal(r.Properties(), want) {
		t.Error("a rule changed")
	}
}

func TestAnUnreadRuleKeepsItsTextAndMatchesNothing(t *testing.T) {
	for _, r := range []devicefilter.Rule{{}, devicefilter.Unread("(app.shoeSize -eq 43)")} {
		if !r.IsZero() || r.Matches(known(nil)) || r.Properties() != nil {
			t.Errorf("%q is a rule", r)
		}
	}
	if got := devicefilter.Unread("(app.shoeSize -eq 43)").String(); got != "(app.shoeSize -eq 43)" {
		t.Errorf("String = %s", got)
	}
}

func TestJSONHoldsTheText(t *testing.T) {
	const text = `(app.deviceModel -eq "a")`
	raw, err := json.Marshal(parse(t, text, devicefilter.ManagedApps(house())))
	if err != nil || string(raw) != `"(app.deviceModel -eq \"a\")"` {
		t.Errorf("%s, %v", raw, err)
	}
}

// Every property that is offered can be asked for with every operator it offers.
func TestVocabulariesKeepTheirPromises(t *testing.T) {
	for _, v := range []devicefilter.Vocabulary{devicefilter.ManagedApps(house()), devicefilter.WindowsDevices(house()), devicefilter.ConditionalAccess()} {
		seen := map[string]bool{}
		for _, p := range v.Properties() {
			if seen[strings.ToLower(p.Name)] || len(p.Operators) == 0 {
				t.Errorf("%s is there twice, or has no operators", p.Name)
			}
			seen[strings.ToLower(p.Name)] = true
			for _, o := range p.Operators {
				if r := parse(t, p.Name+" -"+string(o)+" "+sample(p, o), v); !slices.Equal(r.Properties(), []string{p.Name}) {
					t.Errorf("%s reads %v", r, r.Properties())
				}
			}
		}
	}
	v := devicefilter.ManagedApps(house())
	v.Properties()[0].Name = "mine"
	if v.Properties()[0].Name != devicefilter.AppVersion {
		t.Error("a vocabulary changed")
	}
}

// sample returns a value that goes with an operator.
func sample(p devicefilter.Property, o devicefilter.Operator) string {
	value := "1.2"
	if p.Values != nil {
		value = p.Values[len(p.Values)-1]
	}
	if p.Kind == devicefilter.Boolean {
		value = "True"
	}
	if o == devicefilter.In || o == devicefilter.NotIn {
		return `["` + value + `"]`
	}
	return `"` + value + `"`
}

func TestOfWhatIsNotIdentifiedEveryPropertyIsNull(t *testing.T) {
	for rule, want := range map[string]bool{
		`device.model -eq "a"`: false, `device.model -ne "a"`: true, `device.displayName -eq $null`: true, `device.isCompliant -ne True`: true,
	} {
		r, err := devicefilter.Parse(rule, devicefilter.ConditionalAccess())
		if err != nil {
			t.Fatal(err)
		}
		if r.Matches(devicefilter.Nothing()) != want {
			t.Errorf("%s is not %v of an unknown device", rule, want)
		}
	}
}

// Sets and names of custom security attributes are the tenant's own, in its
// spelling; what they may be asked is what texts may.
func TestAppFiltersAskForAttributesThatSomebodyElseNamed(t *testing.T) {
	r, err := devicefilter.Parse(`customsecurityattribute.Ring_Level -startsWith "in"`, devicefilter.AppAttributes())
	if err != nil || !slices.Equal(r.Properties(), []string{"CustomSecurityAttribute.Ring_Level"}) {
		t.Fatalf("%v %v", r.Properties(), err)
	}
	level := devicefilter.FactFunc(func(property string) (string, bool) { return "inner", property == "CustomSecurityAttribute.Ring_Level" })
	if !r.Matches(level) || r.Matches(devicefilter.Nothing()) {
		t.Error("the attribute is not read")
	}
	for _, rule := range []string{`device.model -eq "a"`, `CustomSecurityAttribute. -eq "a"`} {
		if _, err := devicefilter.Parse(rule, devicefilter.AppAttributes()); err == nil || !strings.Contains(err.Error(), "CustomSecurityAttribute.<set>_<name>") {
			t.Errorf("%s: %v", rule, err)
		}
	}
}
