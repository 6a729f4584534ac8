package store

import (
	"context"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

var roleTable = define(table[directory.RoleDefinition]{
	name: "role_definitions", noun: "role", unique: "name",
	key:      func(v *directory.RoleDefinition) (string, string) { return string(v.Tenant), v.ID },
	revision: func(v *directory.RoleDefinition) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *directory.RoleDefinition) []any { return []any{folded(v.DisplayName)} },
})

var assignmentTable = define(table[directory.RoleAssignment]{
	name: "role_assignments", noun: "role assignment", unique: "name",
	key:      func(v *directory.RoleAssignment) (string, string) { return string(v.Tenant), v.ID },
	revision: func(v *directory.RoleAssignment) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *directory.RoleAssignment) []any { return []any{folded(v.DisplayName)} },
})

var tagTable = define(table[directory.ScopeTag]{
	name: "scope_tags", noun: "scope tag", unique: "number",
	key:      func(v *directory.ScopeTag) (string, string) { return string(v.Tenant), v.ID },
	revision: func(v *directory.ScopeTag) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *directory.ScopeTag) []any { return []any{folded(v.DisplayName)} },
})

func (v adminView) RoleDefinitions() admin.Objects[directory.RoleDefinition] {
	return objects[directory.RoleDefinition]{Store: v.Store, table: roleTable}
}

func (v adminView) RoleAssignments() admin.Objects[directory.RoleAssignment] {
	return objects[directory.RoleAssignment]{Store: v.Store, table: assignmentTable, saved: saveHolders}
}

func (v adminView) ScopeTags() admin.Objects[directory.ScopeTag] {
	return objects[directory.ScopeTag]{Store: v.Store, table: tagTable}
}

// saveHolders replaces the groups by which an assignment is found.
func saveHolders(c *change, a *directory.RoleAssignment) error {
	if _, err := c.Exec("DELETE FROM role_members WHERE tenant = $1 AND assignment_id = $2", string(a.Tenant), a.ID); err != nil {
		return err
	}
	for _, g := range a.Members {
		_, err := c.Exec("INSERT INTO role_members (tenant, group_id, assignment_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
			string(a.Tenant), string(g), a.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// RolesOf costs one query, however many roles there are that the user does not hold.
func (v adminView) RolesOf(ctx context.Context, t directory.TenantID, u directory.UserID) ([]directory.RoleAssignment, error) {
	const held = `WHERE tenant = $1 AND id IN (
		WITH RECURSIVE mine (id) AS (
			SELECT group_id FROM members WHERE tenant = $2 AND user_id = $3
			UNION
			SELECT m.group_id FROM mine CROSS JOIN members m WHERE m.nested_id = mine.id AND m.tenant = $4
		) SELECT r.assignment_id FROM mine JOIN role_members r ON r.tenant = $5 AND r.group_id = mine.id
	) ORDER BY id`
	tenant := string(t)
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]directory.RoleAssignment, error) {
		return assignmentTable.list(tx, held, tenant, tenant, string(u), tenant, tenant)
	})
}
