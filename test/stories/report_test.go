package stories_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/test/play"
)

// admin runs the real binary against a house and returns what it prints, what it
// complains about and its exit code.
func admin(t *testing.T, bin string, h *play.House, args ...string) (out, complaint string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "POSTERN_ENDPOINT="+h.GraphEndpoint, "POSTERN_AUTHORITY="+h.Authority, "POSTERN_CLIENT_ID="+h.ClientID,
		"POSTERN_CLIENT_SECRET="+h.ClientSecret, "POSTERN_CA="+h.CACertificate)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return stdout.String(), stderr.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), 0
}

func rows(t *testing.T, out string) []map[string]string {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("%v in %q", err, out)
	}
	var found []map[string]string
	for _, line := range all[1:] {
		row := map[string]string{}
		for i, column := range all[0] {
			row[column] = line[i]
		}
		found = append(found, row)
	}
	return found
}

func TestAReportOfAnEnrolledPCComesAsCSV(t *testing.T) {
	bin := play.Build(t)
	h := play.Start(t, bin)
	h.Furnish(t)
	agent := h.Agent(t)
	out, complaint, code := admin(t, bin, h, "report", "MAMAppProtectionStatus")
	if code != 0 {
		t.Fatal(complaint)
	}
	found := rows(t, out)
	if len(found) != 1 {
		t.Fatalf("%d rows: %s", len(found), out)
	}
	for column, want := range map[string]string{"User": h.Name, "App": play.Edge, "AppVersion": play.EdgeVersion, "AADDeviceID": agent.Status().DeviceID, "AppProtectionStatus": "Protected", "Policy": "Edge"} {
		if found[0][column] != want {
			t.Errorf("%s is %q, want %q", column, found[0][column], want)
		}
	}

	file := filepath.Join(t.TempDir(), "status.json")
	if _, complaint, code = admin(t, bin, h, "report", "MAMAppProtectionStatus", "--user", h.Name, "--format", "json", "--out", file); code != 0 {
		t.Fatal(complaint)
	}
	doc, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var objects []map[string]string
	if err := json.Unmarshal(doc, &objects); err != nil || len(objects) != 1 || !maps.Equal(objects[0], found[0]) {
		t.Errorf("%v: %s\nis not %v", err, doc, found[0])
	}
	if out, complaint, code = admin(t, bin, h, "report", "MAMAppProtectionStatus", "--user", "admin@postern.internal"); code != 0 || len(rows(t, out)) != 0 {
		t.Errorf("of somebody else: %d %s%s", code, out, complaint)
	}
}

func TestLintAsksWhichVersionsAreInUse(t *testing.T) {
	bin := play.Build(t)
	h := play.Start(t, bin)
	h.Furnish(t)
	h.Agent(t)
	if out, complaint, code := admin(t, bin, h, "lint", "--server"); code != 0 {
		t.Errorf("%d %s%s", code, out, complaint)
	}
	h.Do(t, "POST", "/beta/deviceAppManagement/windowsManagedAppProtections", map[string]any{
		"@odata.type": "#microsoft.graph.windowsManagedAppProtection", "displayName": "Tomorrow", "minimumRequiredAppVersion": "999",
		"apps":        []any{map[string]any{"mobileAppIdentifier": map[string]any{"@odata.type": "#microsoft.graph.windowsAppIdentifier", "windowsAppId": play.Edge}}},
		"assignments": []any{map[string]any{"target": map[string]any{"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"}}},
	}, nil)
	out, _, code := admin(t, bin, h, "lint", "--server", "--output", "json")
	var report struct {
		Findings []struct{ Rule, Name, Why string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 1 {
		t.Fatalf("%v, exit code %d: %s", err, code, out)
	}
	if !slices.ContainsFunc(report.Findings, func(f struct{ Rule, Name, Why string }) bool {
		return f.Rule == "minimum-newer-than-any" && f.Name == "Tomorrow" && strings.Contains(f.Why, play.EdgeVersion)
	}) {
		t.Errorf("%s", out)
	}
}
