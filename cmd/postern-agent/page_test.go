package main

import (
	"encoding/json"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// full is a view of which every member is filled.
func full() view {
	at := time.Date(2026, 3, 1, 8, 30, 0, 0, time.UTC)
	reasons := []wire.Reason{{
		Code: "maxThreatLevel", Action: "block", Have: "medium", Want: "at most low", Text: "The antivirus is off & <needed>.",
		Steps: []string{"Open Windows Security.", "Turn real-time protection on."},
	}}
	checkIn := &wire.CheckIn{
		AppVersion: "130.0.1", SDKVersion: "0.1.0", OSVersion: "10.0.22631.4317", Management: wire.Management{}, Adapter: "windows",
		Providers: map[string]string{"antivirus": "poor", "firewall": "good"}, MeasuredAt: at.Add(time.Second), PolicyETag: "etag-1", FailedChecks: []string{"minOsVersion"},
	}
	return view{
		At: at, Version: "9.8.7",
		Status: sdk.Status{
			Authority: "https://id.example/contoso", App: "com.microsoft.edge", Enrolled: true, RegistrationID: "r-1", DeviceID: "d-1", UserID: "u-1",
			KeyProtection: "tpm", LastCheckInAt: at.Add(-time.Minute), LastSent: checkIn,
			Sent:       []sdk.Sent{{Message: "CheckIn", Count: 41, At: at.Add(-2 * time.Minute), Body: json.RawMessage(`{"appVersion":"130.0.1"}`)}, {Message: "Diagnostics", Count: 2, At: at, TooLong: 70123}},
			Verdict:    &wire.CheckInResult{State: "noncompliant", Action: "block", Reasons: reasons, PolicyETag: "etag-1", Operations: 3, CheckInSeconds: 1800, ServerTime: at.Add(-3 * time.Minute)},
			PolicyETag: "etag-1", Settings: map[string]string{"sendOrgDataTo": "none", "printOrgData": "block"},
			Checks:        []wire.Check{{Subject: "minOsVersion", Action: "warn", Value: "10.0.22631.3155"}},
			Sources:       map[string]string{"sendOrgDataTo": "T_1", "printOrgData": "T_2", "minOsVersion:warn": "T_3", "minOsVersion": "T_3"},
			Configuration: []wire.Configured{{Name: "HomepageLocation", Value: `"https://intranet.example"`, Typed: true, Source: "A_1"}},
			Controls:      []wire.Control{{Control: "sendOrgDataTo", State: "partly", By: "extension", Gaps: []string{"screenshots"}}},
			Decision:      sdk.Decision{Action: "block", Reasons: reasons}, WipedAt: at.Add(-time.Hour),
		},
		Measured: measured{
			Adapter: "windows", Release: "Windows 11 23H2", OSVersion: "10.0.22631.4317", DisplayName: "ADA-PC", Manufacturer: "Example", Model: "M 1",
			Management: &wire.Management{}, Providers: map[string]string{"antivirus": "poor"},
		},
	}
}

// leaves calls see with every text, number and name of a map that v holds.
func leaves(v any, at string, see func(at, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			leaves(member, at+"/"+name, see)
		}
	case []any:
		for _, member := range v {
			leaves(member, at, see)
		}
	case string:
		see(at, v)
	case float64:
		see(at, fmt.Sprint(v))
	}
}

func text(page []byte) string {
	return html.UnescapeString(string(page))
}

// What the JSON says, the page says, and the text says what of it is for people.
func TestThePageSaysWhatTheJSONSays(t *testing.T) {
	v := full()
	for i, s := 0, reflect.ValueOf(v.Status); i < s.NumField(); i++ {
		if s.Field(i).IsZero() {
			t.Errorf("%s is empty: this test would not miss it", s.Type().Field(i).Name)
		}
	}
	page, err := v.page()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := json.Marshal(v)
	var all map[string]any
	if err != nil || json.Unmarshal(doc, &all) != nil {
		t.Fatalf("%v, %s", err, doc)
	}
	seen := map[string]bool{}
	leaves(all, "", func(at, want string) {
		top := strings.Split(at, "/")[1]
		seen[top] = true
		if !strings.Contains(text(page), want) && !strings.Contains(text(page), strings.ReplaceAll(want, `"`, `\"`)) {
			t.Errorf("%s: %q is not on the page", at, want)
		}
	})
	for top := range all {
		if !seen[top] && top != "enrolled" { // which is said as yes
			t.Errorf("%s was not looked for", top)
		}
	}
	if !strings.Contains(text(page), enforcement.Text("screenshots")) || !strings.Contains(text(page), "<dt>Enrolled</dt><dd>yes") {
		t.Error("a gap is not explained, or enrolled is not said")
	}
	var out strings.Builder
	v.print(&out)
	for _, want := range []string{"u-1", "etag-1", "T_1", "T_2", "T_3", "A_1", "1. Open Windows Security.", "2. Turn real-time", "ADA-PC", "partly"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in the text", want)
		}
	}
}

// The page loads nothing, runs nothing, and carries no word as anything but a word.
func TestThePageIsAloneAndInert(t *testing.T) {
	v := full()
	v.Decision.Reasons[0].Text = `</h3><script>alert(1)</script><img src=x>`
	page, err := v.page()
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img", "<link", " style=", "href=", "url("} {
		if strings.Contains(string(page), bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if !regexp.MustCompile(`default-src 'none'; style-src 'sha256-[^']{40,}'; base-uri 'none'`).MatchString(text(page)) {
		t.Error("the page does not forbid what it does not need")
	}
	for _, when := range []view{{}, {Status: sdk.Status{Enrolled: true}}, {Measured: measured{Error: "nobody measures"}}} {
		if page, err := when.page(); err != nil || !strings.Contains(string(page), "</html>") {
			t.Errorf("%+v: %v", when, err)
		}
	}
}

func TestThePageIsForThePersonAndGoesWithTheData(t *testing.T) {
	dir := t.TempDir()
	args := []string{"status", "--page", "--no-open", "--authority", "https://127.0.0.1:1/t", "--app-version", "130.0", "--dir", dir}
	code, out, errs := play(t, args...)
	path := filepath.Join(dir, pageFile)
	if code != 0 || out != path+"\n" {
		t.Fatalf("code %d, %q, %s", code, out, errs)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("%v, %v", info, err)
	}
	if code, _, errs := play(t, slices.Replace(args, 0, 3, "sign-out")...); code != 0 {
		t.Errorf("sign-out: code %d, %s", code, errs)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("after the sign-out: %v", err)
	}
}
