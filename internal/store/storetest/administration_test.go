package storetest_test

import (
	"testing"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/targeting"
)

func TestConfigurations(t *testing.T) {
	laws(t, configuration.Policy{
		ID: "A_1", Tenant: "t1", DisplayName: "Configure", Apps: []directory.PackageID{"com.example.app"}, CreatedAt: now, ModifiedAt: now,
		Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}}, ScopeTags: []string{"0"},
	}, func(w *world) admin.Objects[configuration.Policy] { return w.Admin().Configurations() },
		kind[configuration.Policy]{
			id: func(v configuration.Policy) string { return string(v.ID) }, name: func(configuration.Policy) string { return "CONFIGURE" },
			with: func(v configuration.Policy, r int64) configuration.Policy { v.Revision = r; return v },
			edit: func(v configuration.Policy) configuration.Policy { v.Description = "d"; return v }, config: true,
		})
}

func TestFilters(t *testing.T) {
	// Rules hold functions, which cannot be compared: this one has none.
	laws(t, targeting.Filter{ID: "f", Tenant: "t1", DisplayName: "Ours", ForApps: true, CreatedAt: now, ModifiedAt: now},
		func(w *world) admin.Objects[targeting.Filter] { return w.Admin().Filters() },
		kind[targeting.Filter]{
			id: func(v targeting.Filter) string { return string(v.ID) }, name: func(targeting.Filter) string { return "OURS" },
			with: func(v targeting.Filter, r int64) targeting.Filter { v.Revision = r; return v },
			edit: func(v targeting.Filter) targeting.Filter { v.Description = "d"; return v }, config: true,
		})
}

func TestTheRuleOfAFilterStaysAsItWasWritten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const text = `(app.deviceModel -eq "ThinkPad")  and  (app.osVersion -ge "10.0.22631.1")`
		rule := must(targeting.ParseRule(targeting.WindowsApps, text))(t)
		f := targeting.Filter{ID: "f", Tenant: "t1", Platform: targeting.WindowsApps, ForApps: true, Rule: rule}
		must(w.Admin().Filters().Save(t.Context(), f))(t)
		f = must(w.Admin().Filters().Get(t.Context(), "t1", "f"))(t)
		wantEqual(t, f.Rule.String(), text)
		wantEqual(t, f.Passes(targeting.App{Model: "ThinkPad", OSVersion: "10.0.22631.2"}), true)
		wantEqual(t, f.Passes(targeting.App{Model: "ThinkPad"}), false)
	})
}

func TestRoleDefinitions(t *testing.T) {
	laws(t, directory.RoleDefinition{ID: "r", Tenant: "t1", DisplayName: "Watch", Actions: []string{directory.ManagedAppsRead}, CreatedAt: now},
		func(w *world) admin.Objects[directory.RoleDefinition] { return w.Admin().RoleDefinitions() },
		kind[directory.RoleDefinition]{
			id: func(v directory.RoleDefinition) string { return v.ID }, name: func(directory.RoleDefinition) string { return "WATCH" },
			with: func(v directory.RoleDefinition, r int64) directory.RoleDefinition { v.Revision = r; return v },
			edit: func(v directory.RoleDefinition) directory.RoleDefinition { v.Description = "d"; return v },
		})
}

func TestRoleAssignments(t *testing.T) {
	laws(t, directory.RoleAssignment{ID: "a", Tenant: "t1", DisplayName: "Night", Role: "r", Members: []directory.GroupID{"g", "g"}, CreatedAt: now},
		func(w *world) admin.Objects[directory.RoleAssignment] { return w.Admin().RoleAssignments() },
		kind[directory.RoleAssignment]{
			id: func(v directory.RoleAssignment) string { return v.ID }, name: func(directory.RoleAssignment) string { return "NIGHT" },
			with: func(v directory.RoleAssignment, r int64) directory.RoleAssignment { v.Revision = r; return v },
			edit: func(v directory.RoleAssignment) directory.RoleAssignment { v.Description = "d"; return v },
		})
}

func TestScopeTags(t *testing.T) {
	laws(t, directory.ScopeTag{ID: "7", Tenant: "t1", DisplayName: "Berlin", CreatedAt: now},
		func(w *world) admin.Objects[directory.ScopeTag] { return w.Admin().ScopeTags() },
		kind[directory.ScopeTag]{
			id: func(v directory.ScopeTag) string { return v.ID }, name: func(directory.ScopeTag) string { return "BERLIN" },
			with: func(v directory.ScopeTag, r int64) directory.ScopeTag { v.Revision = r; return v },
			edit: func(v directory.ScopeTag) directory.ScopeTag { v.Description = "d"; return v },
		})
}
