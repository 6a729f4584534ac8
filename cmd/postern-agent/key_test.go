package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A PC whose TPM was cleared says what to do, and does it when told.
func TestALostKeyIsGivenUpByAPersonAlone(t *testing.T) {
	const lost = `{"name":"postern-device-X","store":"tpm","thumbprint":"gone"}`
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"status":              {[]string{"status"}, 1, "enroll --anew"},
		"enroll":              {[]string{"enroll"}, 1, "enroll --anew"},
		"uninstall":           {[]string{"uninstall"}, 1, "uninstall --offline"},
		"enroll --anew":       {[]string{"enroll", "--anew"}, 1, ""}, // health cannot be measured
		"uninstall --offline": {[]string{"uninstall", "--offline"}, 0, ""},
	} {
		dir := t.TempDir()
		for _, name := range []string{"POSTERN_AGENT_DIR", "HOME", "XDG_CONFIG_HOME"} { // where browsers look is in them
			t.Setenv(name, dir)
		}
		key := filepath.Join(dir, "device.key")
		if err := os.WriteFile(key, []byte(lost), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, errs := play(t, append(c.args, "--authority", "https://127.0.0.1:1/t", "--app-version", "1", "--dir", dir, "--development-health", filepath.Join(dir, "none"))...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%s: code %d, %q", name, code, errs)
		}
		doc, err := os.ReadFile(key)
		switch kept := err == nil && string(doc) == lost; {
		case c.want != "" && !kept:
			t.Errorf("%s: the key was given up: %q, %v", name, doc, err)
		case c.want == "" && kept:
			t.Errorf("%s: the lost key is left", name)
		case name == "uninstall --offline" && !errors.Is(err, fs.ErrNotExist):
			t.Errorf("%s: left: %q, %v", name, doc, err)
		}
	}
}
