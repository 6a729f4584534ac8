package directory_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
)

func TestBuiltInRolesAllowOnlyWhatExists(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range directory.BuiltInRoles() {
		if !r.BuiltIn || seen[r.ID] || r.DisplayName == "" || len(r.Actions) == 0 {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = true
		for _, a := range r.Actions {
			if !slices.Contains(directory.Actions(), a) {
				t.Errorf("%s allows %s, which does not exist", r.DisplayName, a)
			}
		}
	}
}

func TestWhoMayStartAWipeMayCancelIt(t *testing.T) {
	for _, r := range directory.BuiltInRoles() {
		if slices.Contains(r.Actions, directory.ManagedAppsWipe) != slices.Contains(r.Actions, directory.ManagedAppsCancelWipe) {
			t.Errorf("%s may do only one of both", r.DisplayName)
		}
	}
}

func TestAReaderChangesNothing(t *testing.T) {
	for _, r := range directory.BuiltInRoles() {
		if r.ID != directory.ReadOnlyOperator {
			continue
		}
		for _, a := range r.Actions {
			if !strings.HasSuffix(a, "_Read") {
				t.Errorf("it may %s", a)
			}
		}
	}
}

func TestEveryActionIsCoveredByAPermissionThatWritesExactlyWhenItDoes(t *testing.T) {
	for _, a := range directory.Actions() {
		p := directory.ActionPermission(a)
		if !slices.Contains(directory.Permissions(), p) || strings.HasSuffix(a, "_Read") != strings.HasSuffix(p, ".Read.All") {
			t.Errorf("%s is covered by %q", a, p)
		}
	}
	if p := directory.ActionPermission("Microsoft.Intune_Roles_Rule"); p != "" {
		t.Errorf("what does not exist is covered by %q", p)
	}
	for action, want := range map[string]string{
		directory.FiltersUpdate: directory.ConfigurationWrite, directory.ThreatModify: directory.ConnectorWrite,
		directory.RolesAssign: directory.RBACWrite, directory.ManagedAppsCancelWipe: directory.ProtectionWrite,
	} {
		if got := directory.ActionPermission(action); got != want {
			t.Errorf("%s is covered by %s, want %s", action, got, want)
		}
	}
}

func TestASlipIsRecognised(t *testing.T) {
	for name, want := range map[string]string{
		"Microsoft.Intune_ManagedApp_Wipe":        directory.ManagedAppsWipe,
		"microsoft.intune_managedapps_wipe":       directory.ManagedAppsWipe,
		"Microsoft.Intune_MangedApps_Read":        directory.ManagedAppsRead,
		"Microsoft.Intune_AssignmentFilters_Red":  "", // two slips
		"Microsoft.Intune_Audits_Read":            directory.AuditDataRead,
		"Microsoft.Intune_ManagedApps_CancelWipe": "", // Intune has none
		"":                  "",
		"Microsoft.Intune_": "",
		"Read":              "",
	} {
		if got := directory.NearestAction(name); got != want {
			t.Errorf("%q was meant to be %q, want %q", name, got, want)
		}
	}
	for _, a := range directory.Actions() {
		if got := directory.NearestAction(a); got != a {
			t.Errorf("%s was meant to be %s", a, got)
		}
	}
}
