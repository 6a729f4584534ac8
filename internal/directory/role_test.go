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
		if r.DisplayName != "Read Only Operator" {
			continue
		}
		for _, a := range r.Actions {
			if !strings.HasSuffix(a, "_Read") {
				t.Errorf("it may %s", a)
			}
		}
	}
}
