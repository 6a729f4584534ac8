package directory_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
)

func builtIn() map[string]directory.AppID {
	return map[string]directory.AppID{
		"GraphAPI": directory.GraphAPI, "EnrollmentAPI": directory.EnrollmentAPI, "RemediationPortal": directory.RemediationPortal,
		"ThreatAPI": directory.ThreatAPI, "AgentClient": directory.AgentClient, "DirectoryAPI": directory.DirectoryAPI,
		"WindowsSecurityCenter": directory.WindowsSecurityCenter,
	}
}

func TestOnlyWhatEnrolmentNeedsIsBootstrap(t *testing.T) {
	for name, app := range builtIn() {
		want := app == directory.EnrollmentAPI || app == directory.RemediationPortal
		if got := app.Bootstrap(); got != want {
			t.Errorf("%s: Bootstrap = %v", name, got)
		}
	}
	if directory.AppID("").Bootstrap() || directory.AppID("0A5E7F10-1C1B-4D53-9A47-6B7E10A4A001").Bootstrap() {
		t.Error("an identifier that is not exactly one of them is bootstrap")
	}
}

func TestBuiltInApplicationsAreDistinctGUIDs(t *testing.T) {
	guid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	seen := map[directory.AppID]string{}
	for name, app := range builtIn() {
		if !guid.MatchString(string(app)) {
			t.Errorf("%s is %q", name, app)
		}
		if other, twice := seen[app]; twice {
			t.Errorf("%s and %s are the same", name, other)
		}
		seen[app] = name
	}
}

func TestTheZeroTenantSettingsAreTheSafeOnes(t *testing.T) {
	var s directory.TenantSettings
	if s.AllowDevelopmentHealth {
		t.Error("development health counts by default")
	}
	var u directory.User
	if u.Enabled || len(u.Roles) > 0 {
		t.Error("an unknown user is somebody")
	}
}

func TestWhatGuardsAKeyGoesFromTheStrongestToTheWeakest(t *testing.T) {
	want := []directory.KeyProtection{directory.KeyInTPM, directory.KeyInCNG, directory.KeyInDPAPI, directory.KeyInSoftware}
	if got := directory.KeyProtections(); !slices.Equal(got, want) {
		t.Errorf("%q; want %q", got, want)
	}
}
