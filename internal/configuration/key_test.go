package configuration_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/fault"
)

// specified are the names of docs/spec/windows-mam.md section 7.
const specified = `HomepageLocation ShowHomeButton NewTabPageLocation RestoreOnStartup RestoreOnStartupURLs ManagedFavorites FavoritesBarEnabled
EditFavoritesEnabled URLBlocklist URLAllowlist ProxySettings DownloadRestrictions DownloadDirectory PromptForDownloadLocation
SmartScreenForTrustedDownloadsEnabled PasswordManagerEnabled AutofillAddressEnabled AutofillCreditCardEnabled ImportAutofillFormData
ImportSavedPasswords ImportHistory ImportCookies ImportExtensions ExtensionInstallBlocklist ExtensionInstallAllowlist ExtensionInstallForcelist
ExtensionSettings ExtensionAllowedTypes ExtensionInstallSources NativeMessagingAllowlist NativeMessagingBlocklist SyncDisabled ForceSync
InPrivateModeAvailability PrintingEnabled ScreenCaptureAllowed VideoCaptureAllowed DefaultClipboardSetting DefaultPopupsSetting
DefaultNotificationsSetting DefaultGeolocationSetting DefaultImagesSetting DefaultJavaScriptSetting DeveloperToolsAvailability
TrackingPrevention NetworkPredictionOptions CookiesAllowedForUrls CookiesBlockedForUrls CookiesSessionOnlyForUrls
InsecureContentAllowedForUrls InsecureContentBlockedForUrls AutoSelectCertificateForUrls ClearBrowsingDataOnExit
SavingBrowserHistoryDisabled AllowDeletingBrowserHistory SearchSuggestEnabled LocalProvidersEnabled DefaultSearchProviderEnabled
DefaultSearchProviderName DefaultSearchProviderSearchURL HubsSidebarEnabled EdgeShoppingAssistantEnabled EdgeCollectionsEnabled
ShowMicrosoftRewards SleepingTabsEnabled WebRtcUdpPortRange WebRtcLocalhostIpHandling`

func TestTheCatalogueIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range configuration.Catalogue() {
		if k.Description == "" || k.Example == "" {
			t.Errorf("%s is incomplete: %+v", k.Name, k)
		}
		if seen[strings.ToLower(k.Name)] {
			t.Errorf("%s is there twice", k.Name)
		}
		seen[strings.ToLower(k.Name)] = true
		if k.Kind == configuration.Int && len(k.Values) == 0 && k.Min >= k.Max {
			t.Errorf("%s has no values and no range", k.Name)
		}
		if got, err := k.Parse(k.Example); err != nil || got != k.Example {
			t.Errorf("the example of %s comes back as %s, %v", k.Name, got, err)
		}
		for _, o := range k.Values {
			if o.Value == "" || o.Meaning == "" {
				t.Errorf("%s has the option %+v", k.Name, o)
			}
		}
	}
	for _, name := range strings.Fields(specified) {
		if !seen[strings.ToLower(name)] {
			t.Errorf("%s is not in the catalogue", name)
		}
	}
}

func TestAKeyIsFoundWhateverItsLetterCase(t *testing.T) {
	for _, k := range configuration.Catalogue() {
		for _, name := range []string{k.Name, strings.ToLower(k.Name), strings.ToUpper(k.Name)} {
			if got, ok := configuration.Lookup(name); !ok || !reflect.DeepEqual(got, k) {
				t.Errorf("Lookup(%s) = %+v, %v", name, got, ok)
			}
		}
		want := "com.microsoft.edge.mamedgeappconfigsettings." + strings.ToLower(k.Name)
		if k.DefinitionID != want {
			t.Errorf("%s has the definition %s", k.Name, k.DefinitionID)
		}
		if got, ok := configuration.LookupDefinition(strings.ToUpper(want)); !ok || got.Name != k.Name {
			t.Errorf("LookupDefinition(%s) = %s, %v", want, got.Name, ok)
		}
	}
	for _, name := range []string{"", "Homepage", "com.microsoft.edge.mamedgeappconfigsettings.", "com.microsoft.edge.mamedgeappconfigsettings.nothing", strings.Repeat("x", 60)} {
		if k, ok := configuration.Lookup(name); ok {
			t.Errorf("Lookup(%q) = %s", name, k.Name)
		}
		if k, ok := configuration.LookupDefinition(name); ok {
			t.Errorf("LookupDefinition(%q) = %s", name, k.Name)
		}
	}
}

func TestTheCatalogueIsTheCallersOwn(t *testing.T) {
	k, _ := configuration.Lookup("RestoreOnStartup")
	k.Values[0].Value = "changed"
	if again, _ := configuration.Lookup("RestoreOnStartup"); again.Values[0].Value == "changed" {
		t.Error("a caller changed the catalogue")
	}
}

func TestAValueOfAnotherTypeIsRefusedAndTheValidOnesAreNamed(t *testing.T) {
	samples := []string{`true`, `77777`, `["https://a.example"]`, `{"a":1}`, `[{"name":"a","url":"b"}]`, `null`, `1.5`, `"5"`, `["` + "\xff" + `"]`}
	for _, k := range configuration.Catalogue() {
		accepted := 0
		for _, s := range samples {
			_, err := k.Parse(s)
			if err == nil {
				accepted++
				continue
			}
			text := fault.Detail(err)
			if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(text, k.Name+" is ") || !strings.HasSuffix(text, "; valid "+k.Valid()) {
				t.Errorf("%s: %v", k.Name, err)
			}
			for _, o := range k.Values {
				if !strings.Contains(text, o.Value) {
					t.Errorf("%s is refused and %s is not named: %s", s, o.Value, text)
				}
			}
		}
		if accepted > 1 {
			t.Errorf("%s takes %d of %q", k.Name, accepted, samples)
		}
	}
}

func parsed(t *testing.T, name, text string) string {
	t.Helper()
	k, ok := configuration.Lookup(name)
	if !ok {
		t.Fatalf("no key %s", name)
	}
	out, err := k.Parse(text)
	if err != nil {
		t.Errorf("%s %s: %v", name, text, err)
	}
	return out
}

func TestEqualValuesHaveEqualTexts(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"PrintingEnabled", "True", "true"},
		{"PrintingEnabled", "FALSE", "false"},
		{"RestoreOnStartup", "4", "4"},
		{"MaxConnectionsPerProxy", "7", "7"},
		{"MaxConnectionsPerProxy", "99", "99"},
		{"HomepageLocation", "https://portal.example/?a=1&b=2", `"https://portal.example/?a=1&b=2"`},
		{"HomepageLocation", ` "https://portal.example" `, `"https://portal.example"`},
		{"HomepageLocation", "edge://newtab", `"edge://newtab"`},
		{"HomepageLocation", "https://{{partialupn}}.portal.example/{{mail}}", `"https://{{partialupn}}.portal.example/{{mail}}"`},
		{"NewTabPageLocation", "about:blank", `"about:blank"`},
		{"DownloadDirectory", "${user_home}/Downloads", `"${user_home}/Downloads"`},
		{"DefaultSearchProviderName", `"5"`, `"5"`},
		{"WebRtcUdpPortRange", "1-65535", `"1-65535"`},
		{"URLBlocklist", " [ \"*\" ,\t\"a\\u002eexample\" ] ", `["*","a.example"]`},
		{"URLBlocklist", "[]", "[]"},
		{"ProxySettings", `{"ProxyPacUrl": "https://p.example", "ProxyPacMandatory": true, "ProxyMode": "pac_script"}`, `{"ProxyMode":"pac_script","ProxyPacMandatory":true,"ProxyPacUrl":"https://p.example"}`},
		{"ProxySettings", `{"ProxyMode":"fixed_servers","ProxyServer":"p.example:8080","ProxyBypassList":"a.example"}`, `{"ProxyBypassList":"a.example","ProxyMode":"fixed_servers","ProxyServer":"p.example:8080"}`},
		{"ProxySettings", `{"ProxyMode":"direct"}`, `{"ProxyMode":"direct"}`},
		{"ExtensionSettings", `{"*":{"installation_mode":"blocked","n":1e400},"abc":{"minimum_version_required":"1.0:1"}}`, `{"*":{"installation_mode":"blocked","n":1e400},"abc":{"minimum_version_required":"1.0:1"}}`},
		{"ManagedFavorites", `[{"name":"a: \"b\"","url":"b"},{"toplevel_name":"T"},{"name":"f","children":[{"name":"g","children":[]}]}]`, `[{"name":"a: \"b\"","url":"b"},{"toplevel_name":"T"},{"children":[{"children":[],"name":"g"}],"name":"f"}]`},
	} {
		if got := parsed(t, c.name, c.text); got != c.want {
			t.Errorf("%s %s is %s, want %s", c.name, c.text, got, c.want)
		}
	}
}

func TestAValueThatEdgeWouldIgnoreIsRefused(t *testing.T) {
	for _, c := range []struct{ name, text, says string }{
		{"PrintingEnabled", "1", "which is neither; valid are true, false"},
		{"RestoreOnStartup", "2", "which is not one of its values; valid are 1 (the last session), 4 (the pages of RestoreOnStartupURLs), 5 (a new tab), 6"},
		{"RestoreOnStartup", "+4", "which is no whole number"},
		{"RestoreOnStartup", "{{userid}}", "which is no whole number"},
		{"DownloadRestrictions", "5", "3 (block all), 4 (block malicious files)"},
		{"MaxConnectionsPerProxy", "6", "out of range; valid are whole numbers from 7 to 99"},
		{"MaxConnectionsPerProxy", "100", "out of range"},
		{"HomepageLocation", "portal.example", "which is no absolute URL"},
		{"HomepageLocation", "javascript:alert(1)", "which is no absolute URL"},
		{"HomepageLocation", "https:///path", "which is no absolute URL"},
		{"HomepageLocation", "https://a b", "which is no absolute URL"},
		{"NewTabPageLocation", "about:settings", "which is no absolute URL"},
		{"HomepageLocation", `"https://portal.example`, "which is not JSON"},
		{"HomepageLocation", "true", "which is of another type"},
		{"HomepageLocation", `["https://portal.example"]`, "which is a list"},
		{"DefaultSearchProviderName", " ", "which is empty"},
		{"DefaultSearchProviderSearchURL", "https://search.example/?q=%s", "which lacks {searchTerms}"},
		{"WebRtcUdpPortRange", "10000-", "no range of ports"},
		{"WebRtcUdpPortRange", "2000-1000", "no range of ports"},
		{"WebRtcUdpPortRange", "0-70000", "no range of ports"},
		{"WebRtcLocalhostIpHandling", "all", "default_public_interface_only"},
		{"URLBlocklist", "a.example", "which is not JSON; valid is a list of at most 1000 texts"},
		{"URLBlocklist", `"a.example"`, "which is a text"},
		{"URLBlocklist", `["a.example", 5]`, "whose entry 2 is no text"},
		{"URLBlocklist", `["a.example", " "]`, "whose entry 2 is no text"},
		{"URLBlocklist", `["` + strings.Repeat(`a","`, 1000) + `a"]`, "which has 1001 entries"},
		{"RestoreOnStartupURLs", `["https://a.example","b.example"]`, `with "b.example" as entry 2, which is no absolute URL`},
		{"ExtensionAllowedTypes", `["plugin"]`, `with "plugin" as entry 1, which is not one of its values`},
		{"AutoSelectCertificateForUrls", `["https://a.example"]`, "which is not JSON"},
		{"AutoSelectCertificateForUrls", `["{\"pattern\":\"a\"}"]`, "no object with pattern and filter"},
		{"ProxySettings", `{"ProxyMode":"pac"}`, "ProxyMode is unknown; valid modes are direct, system"},
		{"ProxySettings", `{}`, "ProxyMode is unknown"},
		{"ProxySettings", `{"ProxyMode":"pac_script"}`, "whose mode needs ProxyPacUrl"},
		{"ProxySettings", `{"ProxyMode":"fixed_servers","ProxyServer":" "}`, "whose mode needs ProxyServer"},
		{"ProxySettings", `{"ProxyMode":1}`, "whose ProxyMode is no text"},
		{"ProxySettings", `{"ProxyMode":"direct","ProxyPacMandatory":"yes"}`, "whose ProxyPacMandatory is neither"},
		{"ProxySettings", `{"ProxyMode":"direct","Mode":"direct"}`, `has the field "Mode"`},
		{"ProxySettings", `{"ProxyMode":"direct","ProxyMode":"system"}`, "has a name twice"},
		{"ProxySettings", `["direct"]`, "which is a list"},
		{"ExtensionSettings", `{"*":"blocked"}`, `extension "*" has no object`},
		{"ExtensionSettings", `{"*":{"installation_mode":"block"}}`, `has the installation_mode "block"; valid modes are allowed, blocked`},
		{"ExtensionSettings", `{"*":{"installation_mode":1}}`, "has the installation_mode 1"},
		{"ManagedFavorites", `{"name":"a","url":"b"}`, "which is an object"},
		{"ManagedFavorites", `[{"name":"a"}]`, "whose favorite 1 has not exactly name and url"},
		{"ManagedFavorites", `["a"]`, "whose favorite 1"},
		{"ManagedFavorites", `[{"toplevel_name":"a"},{"toplevel_name":"b"}]`, "whose favorite 2"},
		{"ManagedFavorites", `[{"name":"a","url":"b"},{"name":"f","children":[{"toplevel_name":"x"}]}]`, "whose favorite 2.1 has"},
	} {
		k, _ := configuration.Lookup(c.name)
		if out, err := k.Parse(c.text); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), c.says) || out != "" {
			t.Errorf("%s %s: %q, %v; want %s", c.name, c.text, out, err, c.says)
		}
	}
}

// Whatever is read is one JSON value, reads back as itself, and is of the kind.
func FuzzParse(f *testing.F) {
	all := configuration.Catalogue()
	for i, k := range all {
		f.Add(uint8(i), k.Example)
		f.Add(uint8(i), `"`+k.Example+`"`)
		f.Add(uint8(i), "{"+k.Example+"}")
	}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		k := all[int(which)%len(all)]
		one, err := k.Parse(text)
		if err != nil {
			return
		}
		var value any
		if err := json.Unmarshal([]byte(one), &value); err != nil && !strings.ContainsAny(one, "eE") { // 1e400 is JSON
			t.Fatalf("%s: %q became %q, which is no JSON: %v", k.Name, text, one, err)
		}
		two, err := k.Parse(one)
		if err != nil || two != one {
			t.Fatalf("%s: %q became %q, then %q, %v", k.Name, text, one, two, err)
		}
	})
}
