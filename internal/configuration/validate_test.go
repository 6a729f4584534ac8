package configuration_test

import (
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/targeting"
)

const edge = "com.microsoft.edge"

func everyone(id configuration.PolicyID, change func(*configuration.Policy)) configuration.Policy {
	p := configuration.Policy{
		ID: id, DisplayName: "Configure Edge", Priority: configuration.DefaultPriority,
		Apps: []directory.PackageID{edge}, Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}},
	}
	change(&p)
	return p
}

func free(pairs ...string) func(*configuration.Policy) {
	return func(p *configuration.Policy) { p.Settings = settings(pairs) }
}

func typed(pairs ...string) func(*configuration.Policy) {
	return func(p *configuration.Policy) { p.Catalog = settings(pairs) }
}

func settings(pairs []string) (list []configuration.Setting) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, configuration.Setting{Name: pairs[i], Value: pairs[i+1]})
	}
	return list
}

func TestAPolicyThatSaysNothingWrongIsValid(t *testing.T) {
	all := configuration.Catalogue()
	for name, change := range map[string]func(*configuration.Policy){
		"empty": func(p *configuration.Policy) { p.Apps, p.Assignments = nil, nil },
		"free pairs of an app": free("com.contoso.lob.server", "https://{{partialupn}}.contoso.example", "Theme", "", "theme", "dark", "url", "x",
			"com.microsoft.intune.myappstore", "CompanyPortal", "BrowserSignin", "1", "ImportFavorites", "true", "PopupsAllowedForUrls", `["a.example"]`,
			"DefaultCookiesSetting", "4", "VideoCaptureAllowedUrls", `["a.example"]`, "WebHidBlockedForUrls", "[]", "HttpAllowlist", "[]"),
		"a free key of Edge": free("homepagelocation", "https://portal.example", "PrintingEnabled", "True"),
		"priorities":         func(p *configuration.Policy) { p.Priority = 0 },
		"the lowest":         func(p *configuration.Policy) { p.Priority = configuration.LowestPriority },
		"all examples": func(p *configuration.Policy) {
			for _, k := range all {
				p.Catalog = append(p.Catalog, configuration.Setting{Name: k.Name, Value: k.Example})
			}
		},
		"1000 sites": typed("URLAllowlist", `["`+strings.Repeat(`a","`, 999)+`a"]`),
		"a group and its exception": func(p *configuration.Policy) {
			p.Assignments = []targeting.Assignment{{Kind: targeting.IncludeGroup, Group: "a"}, {Kind: targeting.ExcludeGroup, Group: "b"}}
		},
	} {
		if err := configuration.Validate(everyone("A_1", change)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANameThatEdgeWouldIgnoreIsRefusedWithTheRightOne(t *testing.T) {
	for name, key := range map[string]string{
		"HomePageLocatoin": "HomepageLocation", "Homepage_Location": "HomepageLocation", "com.microsoft.edge.HomepageLocation": "HomepageLocation",
		"com.microsoft.edge.mamedgeappconfigsettings.homepagelocation": "HomepageLocation",
		"URLBlackList": "URLBlocklist", "UrlBlocklists": "URLBlocklist", "ForceSynk": "ForceSync", "PrintEnabled": "",
		"PrintngEnabled":           "PrintingEnabled",
		"DefaultDownloadDirectory": "DownloadDirectory", "ImportBrowsingHistory": "ImportHistory", "nativemessaginghostblocklist": "NativeMessagingBlocklist",
		"NativeMessagingHostAllowlist": "NativeMessagingAllowlist", "WebUsbBlockDevicesForUrls": "WebUsbBlockedForUrls", "URLWhitelist": "URLAllowlist",
		"MAMEnabled": "a policy of the PC", "MAMWithDeviceDLPEnabled": "a policy of the PC",
	} {
		for field, policy := range map[string]configuration.Policy{"customSettings[0]": everyone("A_1", free(name, "x")), "settings[0]": everyone("A_1", typed(name, "x"))} {
			err := configuration.Validate(policy)
			if key == "" && field == "customSettings[0]" {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				continue
			}
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), `"`+name[:min(len(name), 64)]) || !strings.Contains(err.Error(), key) {
				t.Errorf("%s %s: %v; want %s", field, name, err, key)
			}
		}
	}
}

// One policy for all platforms carries keys along that Edge on Windows ignores:
// that is worth a word, and no mistake.
func TestAKeyOfOtherPlatformsIsAPairThatWindowsIgnores(t *testing.T) {
	for name, key := range map[string]string{
		"com.microsoft.intune.mam.managedbrowser.homepage":             "HomepageLocation",
		"com.microsoft.intune.mam.managedbrowser.NewTabPage.CustomURL": "NewTabPageLocation",
		"com.microsoft.intune.mam.managedbrowser.bookmarks":            "ManagedFavorites",
		"com.microsoft.intune.mam.managedbrowser.AllowListURLs":        "URLAllowlist",
		"COM.microsoft.intune.mam.managedbrowser.blocklisturls":        "URLBlocklist",
		"com.microsoft.intune.mam.managedbrowser.SmartScreenEnabled":   "SmartScreenEnabled",
		"com.microsoft.intune.mam.managedbrowser.enableKioskMode":      "the names of Edge policies",
	} {
		if err := configuration.Validate(everyone("A_1", free(name, "x"))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if why := configuration.Ignored(name); !strings.Contains(why, "iOS and Android") || !strings.Contains(why, key) {
			t.Errorf("%s is ignored, because %q; want %s", name, why, key)
		}
		if err := configuration.Validate(everyone("A_1", typed(name, "x"))); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), key) {
			t.Errorf("%s among the settings of Edge: %v; want %s", name, err, key)
		}
	}
	if why := configuration.Ignored("server"); why != "" {
		t.Errorf("server is the app's own: %s", why)
	}
}

func TestNoKeyOfTheCatalogueIsNearlyAnother(t *testing.T) {
	for _, k := range configuration.Catalogue() {
		for _, name := range []string{k.Name + "x", k.Name[1:], k.Name[:4] + "~" + k.Name[5:]} {
			err := configuration.Validate(everyone("A_1", free(name, "x")))
			if err == nil || !strings.HasSuffix(err.Error(), "valid is "+k.Name) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestEveryFaultIsToldAtOnce(t *testing.T) {
	p := everyone("A_1", func(p *configuration.Policy) {
		p.DisplayName, p.Description, p.Priority = " ", strings.Repeat("d", 5000), -1
		p.Settings = settings([]string{"RestoreOnStartup", "9", "URLBlocklists", "[]", "server", "{{email}}", "server", "b", " padded", "v", "big", strings.Repeat("v", 64<<10+1)})
		p.Catalog = settings([]string{"restoreonstartup", "4", "Server", "1", "URLAllowlist", `["\u007b\u007bnobody}}"]`, "", ""})
		p.Apps = []directory.PackageID{edge, "", "a b", edge}
		p.Assignments = []targeting.Assignment{{Kind: "group"}}
	})
	err := configuration.Validate(p)
	if fault.KindOf(err) != fault.Invalid {
		t.Fatal(err)
	}
	for _, part := range []string{
		`displayName is " "; valid are 1 to 256 bytes`,
		`description is "` + strings.Repeat("d", 64) + `..."; valid are up to 4096 bytes`,
		`priority is -1; valid are 0, the highest, to 10000`,
		`customSettings[0]: RestoreOnStartup is "9", which is not one of its values; valid are 1 (the last session)`,
		`customSettings[1]: the name is "URLBlocklists", which Edge does not know; valid is URLBlocklist`,
		`customSettings[2]: server has the token "{{email}}"; valid are {{userprincipalname}}, {{mail}}, {{partialupn}}, {{accountid}}, {{userid}}, {{username}}, {{PrimarySMTPAddress}}`,
		`customSettings[3]: "server" is in customSettings[2] already; valid is one of them`,
		`customSettings[4]: the name is " padded"; valid are 1 to 256 bytes`,
		`customSettings[5]: big is "vvv`,
		`settings[0]: "restoreonstartup" is in customSettings[0] already`,
		`settings[1]: the name is "Server", which is not in the catalogue; valid is the name of an Edge policy of the catalogue, or a pair in customSettings`,
		`settings[2]: URLAllowlist has the token "{{nobody}}"`,
		`settings[3]: the name is ""`,
		`apps[1] is ""; valid is an app identifier`, `apps[2] is "a b"`, `apps[3] is "com.microsoft.edge", which is there already`,
		`assignments[0] is "group"; valid are includeGroup, excludeGroup, allUsers`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s is missing in %v", part, err)
		}
	}
}

func TestAPolicyHasLimits(t *testing.T) {
	many := make([]configuration.Setting, 501)
	heavy := make([]configuration.Setting, 5)
	for i := range heavy {
		heavy[i] = configuration.Setting{Name: strings.Repeat("n", i+1), Value: strings.Repeat("v", 60<<10)}
	}
	for says, change := range map[string]func(*configuration.Policy){
		"customSettings and settings are 501; valid are up to 500": func(p *configuration.Policy) { p.Settings = many },
		"bytes; valid are up to 262144":                            func(p *configuration.Policy) { p.Settings = heavy },
		"priority is 10001":                                        func(p *configuration.Policy) { p.Priority = configuration.LowestPriority + 1 },
		`the token "{{mail}"; valid are`:                           free("server", "{{mail}"),
		`the token "{{ mail }}"; valid are`:                        free("server", "{{mail}} {{ mail }}"),
		`b is "\xff"; valid are up to 65536 bytes of UTF-8`:        free("b", "\xff"),
		`the name is "\xff"`:                                       free("\xff", "b"),
		`the name is "a\nb"`:                                       free("a\nb", "b"),
	} {
		if err := configuration.Validate(everyone("A_1", change)); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; want %s", err, says)
		}
	}
}

// Validate never gives up, and what it lets pass has no token that nobody knows
// and no key whose value cannot be read.
func FuzzValidate(f *testing.F) {
	f.Add("HomepageLocation", "https://portal.example/{{mail}}")
	f.Add("com.microsoft.intune.mam.managedbrowser.", "")
	f.Add("com.microsoft.edge.", "{{")
	f.Add("İK", "}}{{")
	f.Fuzz(func(t *testing.T, name, value string) {
		if configuration.Validate(everyone("A_1", free(name, value))) != nil {
			return
		}
		if k, ok := configuration.Lookup(name); ok {
			if _, err := k.Parse(value); err != nil {
				t.Fatalf("%q %q passed: %v", name, value, err)
			}
		}
		if rest := configuration.Expand(value, configuration.Person{}); strings.Count(value, "{{") == 1 && strings.Contains(rest, "{{") {
			t.Fatalf("%q %q passed", name, value)
		}
	})
}
