package extension_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/postern-mam/postern/internal/agent/nativehost"
	"github.com/postern-mam/postern/test/play"
)

const typed = "#microsoft.graph.deviceManagementConfiguration"

// setting is a typed setting as the portal sends it: a text, or a list of texts.
func setting(name string, value any) map[string]any {
	simple := func(text string) map[string]any {
		return map[string]any{"@odata.type": typed + "StringSettingValue", "value": text}
	}
	inst := map[string]any{"settingDefinitionId": "com.microsoft.edge.mamedgeappconfigsettings." + strings.ToLower(name)}
	if list, ok := value.([]string); ok {
		all := []any{}
		for _, text := range list {
			all = append(all, simple(text))
		}
		inst["@odata.type"], inst["simpleSettingCollectionValue"] = typed+"SimpleSettingCollectionInstance", all
	} else if text, ok := value.(string); ok {
		inst["@odata.type"], inst["simpleSettingValue"] = typed+"SimpleSettingInstance", simple(text)
	}
	return map[string]any{"@odata.type": typed + "Setting", "settingInstance": inst}
}

// shut reports whether the browser refuses an address in its own words: the page that
// says so is ours.
func (d *desk) shut(url string) bool {
	d.Helper()
	_ = chromedp.Do(d.ctx, chromedp.Navigate(url)) // nobody need be there
	return eval[string](d, `location.href`) == "chrome-extension://"+nativehost.ExtensionID+"/pages/stopped.html?what=address"
}

// Home page, favorites and closed addresses come with app configuration into a browser
// that is open, change with it, and go with it; the person's own bookmark stays.
func TestAppConfigurationComesAndGoes(t *testing.T) {
	d := sit(t)
	d.signIn()
	d.site()
	window := d.aside()
	personal := eval[string](window, `location.href`)
	window.do(chromedp.Navigate("chrome-extension://"+nativehost.ExtensionID+"/pages/status.html"), chromedp.WaitVisible("#act"))
	const marks = `chrome.bookmarks.search({}).then((all) => all.map((b) => b.title + " " + (b.url ?? "")).sort().join("|"))`
	eval[string](window, `chrome.bookmarks.create({ title: "My own", url: "https://own.example/" }).then(() => "")`)
	const mine = "My own https://own.example/"
	third := window.aside()
	if third.shut(personal) {
		t.Fatal("an address is closed before there is a configuration")
	}

	var made struct {
		ID string `json:"id"`
	}
	const path = "/beta/deviceAppManagement/targetedManagedAppConfigurations"
	d.house.Do(t, http.MethodPost, path, map[string]any{
		"@odata.type": "#microsoft.graph.targetedManagedAppConfiguration", "displayName": "Edge",
		"apps":        []any{map[string]any{"mobileAppIdentifier": map[string]any{"@odata.type": "#microsoft.graph.windowsAppIdentifier", "windowsAppId": play.Edge}}},
		"assignments": []any{map[string]any{"target": map[string]any{"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"}}},
	}, &made)
	change := func(settings ...any) {
		t.Helper()
		d.house.Do(t, http.MethodPost, path+"/"+made.ID+"/changeSettings", map[string]any{"settings": settings}, nil)
	}
	change(
		setting("HomepageLocation", "https://portal.example/"),
		setting("ManagedFavorites", `[{"toplevel_name":"Work"},{"name":"Mail","url":"mail.example"},{"name":"Inside","children":[{"name":"Wiki","url":"https://wiki.example/"}]}]`),
		setting("URLBlocklist", []string{"*", "file://*"}),
		setting("URLAllowlist", []string{"allowed.localhost"}),
		setting("DownloadDirectory", "${user_home}/Work"),
	)
	until := func(what, script, want string) {
		t.Helper()
		for began := time.Now(); ; {
			got := eval[string](window, script)
			if got == want {
				return
			}
			if time.Since(began) > 20*time.Second {
				t.Fatalf("%s: %q, want %q", what, got, want)
			}
		}
	}
	until("favorites", marks, "Inside |Mail https://mail.example/|"+mine+"|Wiki https://wiki.example/|Work ")
	until("home page", `Promise.resolve(document.querySelector("#home a").href + document.getElementById("home").hidden)`, "https://portal.example/false")
	until("the window", `Promise.resolve([...document.querySelectorAll("#configuration td")].map((c) => c.textContent).join("|"))`,
		"DownloadDirectory|needs a managed policy of the browser|HomepageLocation|applied|ManagedFavorites|applied|URLAllowlist|applied|"+
			"URLBlocklist|applied in part; the rest needs a managed policy of the browser")
	if !third.shut(personal) {
		t.Errorf("every other address is closed, and %s opens", personal)
	}
	if third.shut(strings.Replace(personal, "personal.localhost", "allowed.localhost", 1)) {
		t.Error("an address that is allowed is closed")
	}
	third.site() // the organization's sites stay open, and guarded
	if !eval[bool](third, `document.getElementById("lab") !== null`) {
		t.Error("the organization's own site is closed")
	}

	change(setting("ManagedFavorites", `[{"name":"News","url":"news.example"}]`))
	until("other favorites", marks, mine+"|News https://news.example/|Your organization ")
	if third.shut(personal) {
		t.Error("an address stays closed when nobody closes it any more")
	}
	d.house.Do(t, http.MethodDelete, path+"/"+made.ID, nil, nil)
	until("favorites go with the configuration", marks, mine)
}

// What goes with a wipe is in the receipt, and only what we made.
func TestFavoritesGoWithTheProtection(t *testing.T) {
	d := sit(t)
	d.signIn()
	window := d.aside()
	window.do(chromedp.Navigate("chrome-extension://"+nativehost.ExtensionID+"/pages/status.html"), chromedp.WaitVisible("#act"))
	configured := `[{ name: "ManagedFavorites", typed: true, value: JSON.stringify([{ name: "Mail", url: "mail.example" }]) }]`
	eval[bool](window, `import("../background/configuration.js").then((m) => m.configure(`+configured+`)).then(() => true)`)
	const titles = `chrome.bookmarks.search({}).then((all) => all.map((b) => b.title).sort().join("|"))`
	if got := eval[string](window, titles); got != "Mail|Your organization" {
		t.Fatalf("favorites: %s", got)
	}
	// A folder that was being made when the browser ended goes, too.
	eval[bool](window, `chrome.storage.local.get("favorites").then(({ favorites }) => chrome.storage.local.set({ favorites: { of: "", ids: favorites.ids } })).then(() => true)`)
	// What the person puts into the folder is theirs.
	eval[bool](window, `chrome.bookmarks.search({ title: "Your organization" }).then(([f]) => chrome.bookmarks.create({ parentId: f.id, title: "Mine", url: "https://own.example/" })).then(() => true)`)
	window.do(chromedp.Click("#act")) // sign out
	window.until(`document.getElementById("headline").textContent === "This browser profile is not protected yet"`)
	if got := eval[string](window, titles); got != "Mine|Your organization" {
		t.Errorf("left: %s", got)
	}
}

// What two lists say of an address: the rule that the browser takes is the one of the
// highest priority among those that match.
func TestTheEntryThatSaysMoreCounts(t *testing.T) {
	d := arrive(t)
	d.open()
	d.do(chromedp.Navigate("chrome-extension://"+nativehost.ExtensionID+"/pages/status.html"), chromedp.WaitVisible("#headline"))
	const long = "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for _, c := range []struct {
		blocked, allowed []string
		address          string
		shut             bool
	}{
		{nil, nil, "https://example.com/", false},
		{[]string{"*"}, nil, "https://example.com/", true},
		{[]string{"*"}, []string{"example.com"}, "https://www.example.com:8443/x", false},
		{[]string{"*"}, []string{"example.com"}, "https://notexample.com/", true},
		{[]string{"example.com"}, nil, "https://www.example.com/", true},
		{[]string{".example.com"}, nil, "https://www.example.com/", false},
		{[]string{".example.com"}, nil, "https://example.com/", true},
		{[]string{"example.com" + long}, []string{"www.example.com"}, "https://www.example.com" + long, false},
		{[]string{"example.com/longlonglong"}, []string{".example.com"}, "https://example.com/longlonglong", false},
		{[]string{"example.com"}, []string{"example.com"}, "https://example.com/", false},
		{[]string{"example.com"}, []string{"example.com/open"}, "https://example.com/open/1", false},
		{[]string{"example.com/Secret"}, nil, "https://example.com/secret", false},
		{[]string{"example.com/Secret"}, nil, "https://example.com/Secret/1", true},
		{[]string{"EXAMPLE.com."}, nil, "https://example.com/", true},
		{[]string{"example.com/*"}, nil, "https://example.com/x", true},
		{[]string{"http://example.com"}, nil, "https://example.com/", false},
		{[]string{"example.com:8443"}, nil, "https://example.com/", false},
		{[]string{"example.com:443"}, nil, "https://example.com/", true},
		{[]string{"example.com:443"}, nil, "http://example.com/", false},
		{[]string{"example.com"}, nil, "https://user@example.com/", true},
		{[]string{"*"}, []string{"example.com"}, "https://example.com@evil.example/", true},
		{[]string{"[::1]:8443"}, nil, "https://[::1]:8443/", true},
	} {
		arguments, err := json.Marshal([]any{c.blocked, c.allowed, c.address})
		d.ok(err)
		got := eval[bool](d, `import("../background/configuration.js").then((m) => {
			const [blocked, allowed, address] = `+string(arguments)+`;
			const met = m.addresses(blocked ?? [], allowed ?? []).filter((r) => new RegExp(r.pattern).test(address)).sort((a, b) => b.priority - a.priority)[0];
			return met !== undefined && !met.allow })`)
		if got != c.shut {
			t.Errorf("closed %q, open %q: %s shut is %t", c.blocked, c.allowed, c.address, got)
		}
	}
	for _, text := range []string{"file://*", "view-source:*", "example.com/a?b", "a b", "", "exa*mple.com", "example.com/a*b", "example.com/ü", "example.com/a#b"} {
		doc, err := json.Marshal(text)
		d.ok(err)
		if !eval[bool](d, `import("../background/configuration.js").then((m) => m.filter(`+string(doc)+`) === null)`) {
			t.Errorf("%q has a rule", text)
		}
	}
}
