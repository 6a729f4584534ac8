package agent_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/agent"
)

// opener puts a script in the place of what opens a browser, and returns where
// the script writes what it was given.
func opener(t *testing.T, exit string) (seen string) {
	t.Helper()
	name := map[string]string{"linux": "xdg-open", "darwin": "open"}[runtime.GOOS]
	if name == "" {
		t.Skip("no script can stand in for it here")
	}
	dir := t.TempDir()
	seen = filepath.Join(dir, "seen")
	script := "#!/bin/sh\nfor a; do printf '%s\\n' \"$a\" >> '" + seen + "'; done\nexit " + exit + "\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return seen
}

// An address holds what a shell would read: & and ;, and a quote perhaps.
func TestTheBrowserGetsTheAddressAsItIs(t *testing.T) {
	seen := opener(t, "0")
	const address = "https://id.example/t/authorize?client_id=a&state=b;c'$(d)"
	if err := agent.OpenBrowser(t.Context(), address); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile(seen)
	if err != nil || string(doc) != address+"\n" {
		t.Errorf("it got %q, %v", doc, err)
	}
}

func TestABrowserThatDoesNotOpenIsTold(t *testing.T) {
	opener(t, "3")
	if err := agent.OpenBrowser(t.Context(), "https://id.example"); err == nil || !strings.Contains(err.Error(), "open the address yourself") {
		t.Errorf("got %v", err)
	}
}

// A path holds what would be an escape, a query or a fragment in an address.
func TestAFileHasAnAddress(t *testing.T) {
	for path, want := range map[string]string{
		"/home/a b/50%#?/status.html":      "file:///home/a%20b/50%25%23%3F/status.html",
		"C:/Users/Zoë/AppData/status.html": "file:///C:/Users/Zo%C3%AB/AppData/status.html",
		"//server/home/anna/status.html":   "file://server/home/anna/status.html",
	} {
		if got := agent.FileURL(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}
