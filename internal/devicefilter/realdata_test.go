package devicefilter_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/postern-mam/postern/internal/devicefilter"
)

// exports returns the JSON files below a folder of POSTERN_REALDATA, without the
// byte order mark that PowerShell puts before them. Without the variable the test
// is skipped, unless POSTERN_REQUIRE_DATA forbids that.
func exports(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	root := os.Getenv("POSTERN_REALDATA")
	if root == "" {
		if os.Getenv("POSTERN_REQUIRE_DATA") != "" {
			t.Fatal("POSTERN_REALDATA is not set, and POSTERN_REQUIRE_DATA forbids to skip")
		}
		t.Skip("POSTERN_REALDATA is not set")
	}
	files := map[string][]byte{}
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		raw, err := os.ReadFile(path)
		files[path] = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no real data below %s: %v", folder, err)
	}
	return files
}

func TestRealExportsParse(t *testing.T) {
	names := map[string]bool{}
	for path, raw := range exports(t, "assignment-filters") {
		var filter struct{ DisplayName, Rule, Platform string }
		if err := json.Unmarshal(raw, &filter); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		r := parse(t, filter.Rule, devicefilter.WindowsDevices(house()))
		if r.String() != filter.Rule || len(r.Properties()) == 0 {
			t.Errorf("%s: %s became %s", path, filter.Rule, r)
		}
		names[filter.DisplayName] = true
		session := r.Matches(known(map[string]string{
			"device.manufacturer": "Microsoft Corporation", "device.model": "Virtual Machine", "device.operatingSystemSKU": "ServerRdsh",
		}))
		if want := filter.DisplayName != "Windows-Windows365" && filter.DisplayName != "Windows-Avd-SingleSession"; session != want {
			t.Errorf("%s takes a multi-session host: %v", filter.DisplayName, session)
		}
	}
	if len(names) != 6 {
		t.Errorf("%d filters: %v", len(names), names)
	}
}

func TestRealDeviceFiltersParse(t *testing.T) {
	found := 0
	for path, raw := range exports(t, "conditional-access") {
		var policy struct {
			Conditions struct {
				Devices *struct{ DeviceFilter *struct{ Rule string } }
			}
		}
		if json.Unmarshal(raw, &policy) != nil || policy.Conditions.Devices == nil || policy.Conditions.Devices.DeviceFilter == nil {
			continue // no policy, or none that filters devices
		}
		rule := policy.Conditions.Devices.DeviceFilter.Rule
		if r, err := devicefilter.Parse(rule, devicefilter.ConditionalAccess()); err != nil || r.String() != rule {
			t.Errorf("%s: %s: %v", path, rule, err)
		}
		found++
	}
	if found == 0 {
		t.Error("no device filter was found: this test checks nothing")
	}
}
