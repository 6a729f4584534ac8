package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/agent"
)

func write(t *testing.T, doc string) agent.Development {
	t.Helper()
	path := filepath.Join(t.TempDir(), "health.json")
	if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	return agent.Development{Path: path}
}

func TestMadeUpHealthSaysThatItIs(t *testing.T) {
	d := write(t, `{"osVersion": "10.0.22631.3155", "providers": {"firewall": "poor"}, "management": {"mdmEnrolled": true}}`)
	m, err := d.Measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m.Adapter != "development" || m.OSVersion != "10.0.22631.3155" || m.Providers["firewall"] != "poor" || !m.Management.MDMEnrolled || m.DisplayName == "" {
		t.Errorf("measured %+v", m)
	}
}

func TestAFileThatIsNoHealthIsRefusedByName(t *testing.T) {
	for doc, want := range map[string]string{`{}`: "osVersion", `{`: "health.json", `{"providers": []}`: "providers"} {
		if _, err := write(t, doc).Measure(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not name %s", doc, err, want)
		}
	}
	if _, err := (agent.Development{Path: "/does/not/exist"}).Measure(t.Context()); err == nil {
		t.Error("a missing file was measured")
	}
}

func TestWhatIsNotMeasuredIsNotHealthy(t *testing.T) {
	if m, err := (agent.Unmeasured{}).Measure(t.Context()); err == nil || !strings.Contains(err.Error(), "--development-health") {
		t.Errorf("measured %+v, %v", m, err)
	}
}
