package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/postern-mam/postern/wire"
)

func play(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

func TestUsageErrorsExitWithTwo(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no verb":      {[]string{"--authority", "https://h/t"}, "expected"},
		"no authority": {[]string{"status"}, "--authority"},
		"no version":   {[]string{"status", "--authority", "https://h/t", "--dir", t.TempDir()}, "--app-version"},
		"bad address":  {[]string{"status", "--authority", "http://h/t", "--app-version", "1", "--dir", t.TempDir()}, "https://host/{tenant}"},
		"bad CA":       {[]string{"status", "--authority", "https://h/t", "--app-version", "1", "--dir", t.TempDir(), "--ca", "/does/not/exist"}, "--ca"},
		"bad output":   {[]string{"status", "--authority", "https://h/t", "--app-version", "1", "--dir", t.TempDir(), "--output", "xml"}, "--output"},
	} {
		if code, _, errs := play(t, c.args...); code != 2 || !strings.Contains(errs, c.want) {
			t.Errorf("%s: code %d, %q does not name %s", name, code, errs, c.want)
		}
	}
}

func TestStatusSaysThatNothingIsProtectedYet(t *testing.T) {
	common := []string{"--authority", "https://127.0.0.1:1/t", "--app-version", "130.0", "--dir", t.TempDir()}
	code, out, _ := play(t, append([]string{"status"}, common...)...)
	if code != 0 || !strings.Contains(out, "not protected") {
		t.Errorf("code %d: %q", code, out)
	}
	code, out, _ = play(t, append([]string{"status", "--output", "json"}, common...)...)
	var st struct {
		Enrolled bool
		Decision struct{ Action string }
	}
	if err := json.Unmarshal([]byte(out), &st); err != nil || code != 0 || st.Enrolled || st.Decision.Action != "block" {
		t.Errorf("code %d: %v, %q", code, err, out)
	}
	if code, _, errs := play(t, append([]string{"sync"}, common...)...); code != 1 || !strings.Contains(errs, "not enrolled") {
		t.Errorf("sync: code %d, %q", code, errs)
	}
}

func TestDiagnosePrintsWhatTheServiceWouldGet(t *testing.T) {
	code, out, _ := play(t, "diagnose", "--authority", "https://127.0.0.1:1/t", "--app-version", "130.0", "--dir", t.TempDir())
	var d wire.Diagnostics
	if err := json.Unmarshal([]byte(out), &d); err != nil || code != 0 || d.AppVersion != "130.0" || d.Facts["enrolled"] != "false" || d.Facts["health"] == "" {
		t.Errorf("code %d: %v, %q", code, err, out)
	}
}
