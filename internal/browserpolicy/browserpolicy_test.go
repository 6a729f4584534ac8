package browserpolicy_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/postern-mam/postern/internal/browserpolicy"
	"github.com/postern-mam/postern/internal/fault"
)

var open = map[string]string{"printOrgData": "allow", "sendOrgDataTo": "allApps", "receiveDataFrom": "allApps", "cutCopyPaste": "anyDestinationAnySource"}

func values(t *testing.T, policies []browserpolicy.Policy) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(browserpolicy.JSON(policies), &out); err != nil {
		t.Fatal(err)
	}
	for _, p := range policies {
		if p.Why == "" {
			t.Errorf("nobody says why %s", p.Name)
		}
	}
	return out
}

func TestWhatIsForbiddenIsForbiddenByTheBrowserAsWell(t *testing.T) {
	for _, b := range []browserpolicy.Browser{browserpolicy.Edge, browserpolicy.Chrome} {
		free, _, err := browserpolicy.For(b, open, nil)
		if err != nil {
			t.Fatal(err)
		}
		strict, _, err := browserpolicy.For(b, map[string]string{"printOrgData": "something newer"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		have, want := values(t, free), values(t, strict)
		for _, name := range []string{"PrintingEnabled", "DownloadRestrictions", "AllowFileSelectionDialogs"} {
			if _, there := have[name]; there || want[name] == nil {
				t.Errorf("%s: %s is %v where all is allowed, and %v where nothing is", b, name, have[name], want[name])
			}
		}
		list := strings.Join(strings.Fields(string(browserpolicy.JSON(strict))), "")
		if !strings.Contains(list, `"URLBlocklist":["view-source:*","devtools://*","file://*"]`) || have["DeveloperToolsAvailability"] != 2.0 {
			t.Errorf("%s: %s", b, list)
		}
	}
}

func TestAppConfigurationIsCarriedOverAndWinsOverOurs(t *testing.T) {
	configuration := []browserpolicy.Setting{
		{"HomepageLocation", `"https://portal.example/?a=\"b\""`}, {"ManagedFavorites", `[{"name":"Wiki","url":"wiki.example"}]`}, {"URLBlocklist", `["games.example"]`},
		{"RestoreOnStartup", "4"}, {"RestoreOnStartupURLs", `["https://a.example","https://b.example"]`}, {"HubsSidebarEnabled", "false"}, {"DeveloperToolsAvailability", "1"},
	}
	edge, skipped, err := browserpolicy.For(browserpolicy.Edge, open, configuration)
	if err != nil || len(skipped) != 0 {
		t.Fatal(skipped, err)
	}
	got := values(t, edge)
	if got["HomepageLocation"] != `https://portal.example/?a="b"` || got["RestoreOnStartup"] != 4.0 || got["HubsSidebarEnabled"] != false || got["DeveloperToolsAvailability"] != 1.0 || len(got["URLBlocklist"].([]any)) != 3 {
		t.Errorf("%v", got)
	}
	chrome, skipped, err := browserpolicy.For(browserpolicy.Chrome, open, configuration)
	if err != nil || len(skipped) != 2 || skipped[0] != "HubsSidebarEnabled" {
		t.Errorf("skipped %v, %v", skipped, err)
	}
	if got := values(t, chrome); got["ManagedBookmarks"] == nil || got["ManagedFavorites"] != nil || got["IncognitoModeAvailability"] != 1.0 {
		t.Errorf("%v", got)
	}
}

func TestTheRegistryFileIsWhatRegeditReads(t *testing.T) {
	policies, _, err := browserpolicy.For(browserpolicy.Edge, open, []browserpolicy.Setting{
		{"HomepageLocation", `"C:\\x \"y\" ü\nz"`}, {"ManagedFavorites", `[{"name":"Wiki"}]`}, {"RestoreOnStartupURLs", `["https://a.example"]`}, {"RestoreOnStartup", "-1"}, {"ShowHomeButton", "true"},
	})
	if err != nil {
		t.Fatal(err)
	}
	raw := browserpolicy.Registry(browserpolicy.Edge, policies)
	if raw[0] != 0xff || raw[1] != 0xfe {
		t.Fatalf("it begins with % x", raw[:2])
	}
	units := make([]uint16, 0, len(raw)/2)
	for i := 2; i < len(raw); i += 2 {
		units = append(units, uint16(raw[i])|uint16(raw[i+1])<<8)
	}
	text := string(utf16.Decode(units))
	for _, line := range []string{
		"Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\SOFTWARE\\Policies\\Microsoft\\Edge]\r\n", `"HomepageLocation"="C:\\x \"y\" ü z"` + "\r\n",
		`"ManagedFavorites"="[{\"name\":\"Wiki\"}]"` + "\r\n", `"RestoreOnStartup"=dword:ffffffff` + "\r\n", `"ShowHomeButton"=dword:00000001` + "\r\n", `"BrowserGuestModeEnabled"=dword:00000000` + "\r\n",
		"\r\n[HKEY_CURRENT_USER\\SOFTWARE\\Policies\\Microsoft\\Edge\\RestoreOnStartupURLs]\r\n\"1\"=\"https://a.example\"\r\n",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is not in\n%s", line, text)
		}
	}
	if text := string(browserpolicy.Registry(browserpolicy.Chrome, nil)); !strings.Contains(strings.ReplaceAll(text, "\x00", ""), `Google\Chrome`) {
		t.Error("Chrome's key is another one")
	}
}

func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	for name, try := range map[string]func() error{
		"browser": func() error { _, _, err := browserpolicy.For("opera", open, nil); return err },
		"JSON": func() error {
			_, _, err := browserpolicy.For(browserpolicy.Edge, open, []browserpolicy.Setting{{"X", "{"}})
			return err
		},
		"name": func() error {
			_, _, err := browserpolicy.For(browserpolicy.Edge, open, []browserpolicy.Setting{{"X]\r\n[HKEY_LOCAL_MACHINE", "1"}})
			return err
		},
		"number": func() error {
			_, _, err := browserpolicy.For(browserpolicy.Edge, open, []browserpolicy.Setting{{"X", "1.5"}})
			return err
		},
	} {
		if err := try(); fault.KindOf(err) != fault.Invalid || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// No value breaks out of its line.
func FuzzRegistry(f *testing.F) {
	f.Add(`"a"`)
	f.Add(`["b","\r\n[HKEY_LOCAL_MACHINE]"]`)
	f.Add(`{"x":"\" \\ \n"}`)
	f.Fuzz(func(t *testing.T, value string) {
		policies, _, err := browserpolicy.For(browserpolicy.Edge, open, []browserpolicy.Setting{{"Some", value}})
		if err != nil {
			return
		}
		raw := browserpolicy.Registry(browserpolicy.Edge, policies)
		units := make([]uint16, 0, len(raw)/2)
		for i := 2; i+1 < len(raw); i += 2 {
			units = append(units, uint16(raw[i])|uint16(raw[i+1])<<8)
		}
		for line := range strings.SplitSeq(string(utf16.Decode(units)), "\r\n") {
			if line != "" && !strings.HasPrefix(line, "Windows Registry") && !strings.HasPrefix(line, `[HKEY_CURRENT_USER\SOFTWARE\Policies\Microsoft\Edge`) && !strings.HasPrefix(line, `"`) ||
				strings.ContainsAny(line, "\r\n") {
				t.Fatalf("%q stands in the file", line)
			}
		}
	})
}
