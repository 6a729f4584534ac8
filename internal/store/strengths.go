package store

import (
	"context"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/strength"
)

var strengthTable = define(table[strength.Strength]{
	name: "authentication_strengths", noun: "authentication strength", unique: "name",
	key:      func(v *strength.Strength) (string, string) { return string(v.Tenant), string(v.ID) },
	revision: func(v *strength.Strength) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *strength.Strength) []any { return []any{folded(v.DisplayName)} },
})

var contextTable = define(table[strength.Context]{
	name: "authentication_contexts", noun: "authentication context", unique: "name",
	key:      func(v *strength.Context) (string, string) { return string(v.Tenant), v.ID },
	revision: func(v *strength.Context) *int64 { return &v.Revision },
	columns:  []string{"name"},
	values:   func(v *strength.Context) []any { return []any{folded(v.DisplayName)} },
})

func (v adminView) Strengths() admin.Objects[strength.Strength] {
	return objects[strength.Strength]{Store: v.Store, table: strengthTable, config: true}
}

func (v adminView) Contexts() admin.Objects[strength.Context] {
	return objects[strength.Context]{Store: v.Store, table: contextTable, config: true}
}

// strengths are all strengths of a tenant, the built-in ones first.
func strengths(tx *sqldb.Tx, t directory.TenantID) ([]strength.Strength, error) {
	own, err := strengthTable.list(tx, "WHERE tenant = $1 ORDER BY id", string(t))
	return append(strength.BuiltIns(), own...), err
}

// Strengths lists the authentication strengths of a tenant, the built-in ones
// first.
func (v idpView) Strengths(ctx context.Context, t directory.TenantID) ([]strength.Strength, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]strength.Strength, error) { return strengths(tx, t) })
}
