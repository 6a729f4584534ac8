package directory_test

import (
	"slices"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
)

func TestEveryRoleHasOneTemplateAndNoOtherRoleHasIt(t *testing.T) {
	seen := map[directory.RoleTemplateID]bool{}
	for _, r := range directory.RoleTemplates() {
		if r.Role.Template() != r.ID || seen[r.ID] || len(r.ID) != 36 {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = true
	}
	if !seen[directory.GlobalAdministrator.Template()] || directory.Role("Of another world").Template() != "" {
		t.Error("a role that is none has a template, or Global Administrator lacks one")
	}
}

func TestTheKindsOfGuestsStandInGraphsOrder(t *testing.T) {
	kinds := directory.GuestKinds()
	if len(kinds) != 6 || kinds[0] != directory.InternalGuest || kinds[5] != directory.ServiceProvider || !slices.Contains(kinds, directory.B2BDirectConnectUser) {
		t.Errorf("%v", kinds)
	}
}

func TestARoleIsKnownByItsNameAndItsTemplate(t *testing.T) {
	for _, known := range directory.RoleTemplates() {
		for _, word := range []string{string(known.Role), string(known.ID)} {
			if r, ok := directory.RoleNamed(word); !ok || r != known.Role {
				t.Errorf("%q is %q, %v", word, r, ok)
			}
		}
	}
	if r, ok := directory.RoleNamed("Wizard"); ok || r != "" {
		t.Errorf("there is a role %q", r)
	}
}

func TestWhoBelongsHereIsNotExternal(t *testing.T) {
	for _, k := range append(directory.GuestKinds(), "") {
		if want := k != "" && k != directory.InternalGuest; k.External() != want {
			t.Errorf("%q is external: %v", k, k.External())
		}
	}
}
