// Package browserpolicy says what managed policies of Edge and Chrome add to what an
// extension can enforce, and writes them for the registry and as JSON.
//
// They hold for a whole browser of one Windows user, not for the organization's
// sites alone: they are for a browser that is used for work only, and somebody has to
// want them. Nothing here applies them.
//
// Sources: "Microsoft Edge - Policies" (learn.microsoft.com/deployedge) and the
// "Chrome Enterprise policy list" (chromeenterprise.google/policies).
package browserpolicy

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
)

// Browser is whose policies are written.
type Browser string

// The browsers.
const (
	Edge   Browser = "edge"
	Chrome Browser = "chrome"
)

// Setting is one policy of app configuration: an Edge name with its value as JSON.
type Setting struct{ Name, Value string }

// Policy is one managed policy.
type Policy struct {
	Name  string `json:"name"`
	Value any    `json:"value"` // as encoding/json decodes it, with numbers as int
	Why   string `json:"why"`
}

// For lists the policies, sorted by name, for data protection settings (by the names
// and values of package protection; what is missing or unknown forbids) and app
// configuration. skipped are names of app configuration that the browser has nothing
// like. A value that is no JSON is fault.Invalid.
func For(b Browser, settings map[string]string, configuration []Setting) (policies []Policy, skipped []string, err error) {
	if b != Edge && b != Chrome {
		return nil, nil, fault.New(fault.Invalid, "browser is %q; valid are %s and %s", b, Edge, Chrome)
	}
	private := map[Browser]string{Edge: "InPrivateModeAvailability", Chrome: "IncognitoModeAvailability"}[b]
	blocked := []any{"view-source:*", "devtools://*"}
	all := []Policy{
		{private, 1, "the extension is not loaded in private windows"},
		{"BrowserGuestModeEnabled", false, "the extension is not loaded for guests"},
		{"DeveloperToolsAvailability", 2, "developer tools read what a page holds"},
	}
	if settings[protection.PrintOrgData] != "allow" {
		all = append(all, Policy{"PrintingEnabled", false, "print organization data: block"})
	}
	if settings[protection.SendOrgDataTo] != string(protection.AllApps) {
		all = append(all, Policy{"DownloadRestrictions", 3, "send organization data to: no destinations; also for save page as"})
	}
	if settings[protection.ReceiveDataFrom] != string(protection.AllApps) {
		all = append(all, Policy{"AllowFileSelectionDialogs", false, "receive data from: no sources"})
		blocked = append(blocked, "file://*")
	}
	for _, s := range configuration {
		name := s.Name
		if !plain(name) {
			return nil, nil, fault.New(fault.Invalid, "%q is no name of a policy; names are letters and digits", name)
		}
		if b == Chrome {
			if name = inChrome(s.Name); name == "" {
				skipped = append(skipped, s.Name)
				continue
			}
		}
		value, err := read(s)
		if err != nil {
			return nil, nil, err
		}
		if list, ok := value.([]any); ok && name == blockList {
			blocked = append(blocked, list...)
			continue
		}
		all = slices.DeleteFunc(all, func(p Policy) bool { return p.Name == name })
		all = append(all, Policy{name, value, "app configuration"})
	}
	all = append(all, Policy{blockList, blocked, "addresses that show what a page hides"})
	slices.SortFunc(all, func(a, b Policy) int { return cmp.Compare(a.Name, b.Name) })
	return all, skipped, nil
}

const blockList = "URLBlocklist"

// inChrome is what Chrome calls a policy of Edge; "" for what it has nothing like.
func inChrome(name string) string {
	renamed := map[string]string{
		"ManagedFavorites": "ManagedBookmarks", "FavoritesBarEnabled": "BookmarkBarEnabled", "EditFavoritesEnabled": "EditBookmarksEnabled",
	}
	if other := renamed[name]; other != "" {
		return other
	}
	same := []string{
		"HomepageLocation", "HomepageIsNewTabPage", "ShowHomeButton", "NewTabPageLocation", "RestoreOnStartup", "RestoreOnStartupURLs", "SearchSuggestEnabled",
		"DefaultSearchProviderEnabled", "DefaultSearchProviderName", "DefaultSearchProviderSearchURL", "ProxySettings", "MaxConnectionsPerProxy",
		"NetworkPredictionOptions", "WebRtcUdpPortRange", blockList, "URLAllowlist", "DownloadRestrictions", "PrintingEnabled",
	}
	if slices.Contains(same, name) {
		return name
	}
	return ""
}

// plain reports whether a name can stand in a registry file as it is.
func plain(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

// read decodes a value, with numbers as whole ones.
func read(s Setting) (any, error) {
	d := json.NewDecoder(strings.NewReader(s.Value))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fault.New(fault.Invalid, "%s: the value is no JSON: %v", s.Name, err)
	}
	if n, ok := v.(json.Number); ok {
		whole, err := n.Int64()
		if err != nil {
			return nil, fault.New(fault.Invalid, "%s: %s is no whole number", s.Name, n)
		}
		return int(whole), nil
	}
	return v, nil
}

// JSON writes policies as the file that browsers read on Linux, and tools elsewhere.
func JSON(policies []Policy) []byte {
	out := map[string]any{}
	for _, p := range policies {
		out[p.Name] = p.Value
	}
	doc, _ := json.MarshalIndent(out, "", "  ") // plain data
	return append(doc, '\n')
}

// Registry writes policies as a file for regedit: UTF-16 with its mark. The keys are
// those of one Windows user; only an administrator of the PC can write them.
func Registry(b Browser, policies []Policy) []byte {
	key := `HKEY_CURRENT_USER\SOFTWARE\Policies\Microsoft\Edge`
	if b == Chrome {
		key = `HKEY_CURRENT_USER\SOFTWARE\Policies\Google\Chrome`
	}
	var values, lists strings.Builder
	for _, p := range policies {
		list, isList := p.Value.([]any)
		if !isList || !texts(list) {
			values.WriteString(quoted(p.Name) + "=" + registered(p.Value) + "\r\n")
			continue
		}
		lists.WriteString("\r\n[" + key + `\` + p.Name + "]\r\n")
		for i, entry := range list {
			lists.WriteString(quoted(decimal(i+1)) + "=" + registered(entry) + "\r\n")
		}
	}
	text := "Windows Registry Editor Version 5.00\r\n\r\n[" + key + "]\r\n" + values.String() + lists.String()
	out := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}

func texts(list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool { _, text := v.(string); return !text })
}

// registered writes one value: whole numbers and switches as REG_DWORD, texts as
// REG_SZ, everything else as JSON in a REG_SZ.
func registered(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return "dword:00000001"
		}
		return "dword:00000000"
	case int:
		const digits = "0123456789abcdef"
		var hex [8]byte
		for i := range hex {
			hex[i] = digits[uint32(v)>>(28-4*i)&15] // #nosec G115 -- a DWORD is 32 bits
		}
		return "dword:" + string(hex[:])
	case string:
		return quoted(v)
	default:
		doc, _ := json.Marshal(v) // plain data
		return quoted(string(doc))
	}
}

// quoted escapes what a .reg file cannot hold as it is. A line break ends a value
// there: it becomes a space.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r\n", " ", "\n", " ", "\r", " ").Replace(s) + `"`
}

func decimal(n int) string {
	doc, _ := json.Marshal(n) // plain data
	return string(doc)
}
