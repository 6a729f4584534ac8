//go:build linux

package wine_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/postern-mam/postern/test/play"
)

// What Windows does not say is not healthy: no Security Center, and one that fails.
func TestNoSecurityCenterIsUnknownAndAManagedPCIsRefused(t *testing.T) {
	h := play.Start(t, play.Build(t))
	p := newPC(t, h)
	h.Furnish(t)

	p.env = []string{"WINEDLLOVERRIDES=wscapi=;mscoree=;mshtml="}
	for provider, state := range p.status().Measured.Providers {
		if state != "unknown" {
			t.Errorf("without wscapi.dll %s is %s", provider, state)
		}
	}
	p.env = nil
	p.Fail("0x80004005") // E_FAIL
	for provider, state := range p.status().Measured.Providers {
		if state != "unknown" {
			t.Errorf("Security Center fails, and %s is %s", provider, state)
		}
	}
	p.enroll() // on its own account: it may be that it heals
	if s := p.status(); s.Decision.Allowed() {
		t.Errorf("unknown health is %+v", s.Decision)
	}
	p.Fail("0")
	p.agent(0, "sync")
	if s := p.status(); !s.Decision.Allowed() {
		t.Errorf("healed, but %+v", s.Decision)
	}

	const enrolment = `SOFTWARE\Microsoft\Enrollments\9F1C1E5B-0000-4000-8000-000000000006`
	p.Set("HKLM", enrolment, "EnrollmentType", "6")
	p.Set("HKLM", enrolment, "DiscoveryServiceFullURL", "https://enrollment.example/discovery.svc")
	p.Set("HKLM", enrolment, "EnrollmentState", "1")
	defer p.Set("HKLM", enrolment, "EnrollmentState", "2")
	p.agent(0, "sync")
	if s := p.status(); s.Decision.Allowed() || !s.Measured.Management.MDMEnrolled {
		t.Errorf("managed by somebody, but %+v", s.Decision)
	}
}

// Installed and removed by one person: no directory, no key and no value is left.
func TestUninstallLeavesNothingOnWindows(t *testing.T) {
	h := play.Start(t, play.Build(t))
	p := newPC(t, h)
	h.Furnish(t)
	p.env = []string{"POSTERN_AGENT_DIR=" + play.WindowsPath(p.dir)}
	p.agent(0, "install")
	p.enroll()
	if out := p.agent(0, "uninstall"); !strings.Contains(out, "Nothing is left") || !strings.Contains(out, `HKCU\`) {
		t.Errorf("it says %s", out)
	}
	if _, err := os.Stat(p.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}
