package store

import (
	"context"
	"strings"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// PlanOfList is how the engine would find a page of registrations: a step a line.
func PlanOfList(ctx context.Context, s *Store, t directory.TenantID, f mam.Filter) (string, error) {
	return plan(ctx, s, func(tx *sqldb.Tx) (string, []any, error) { return narrow(tx, t, f) })
}

// PlanOfCount is how it would count them.
func PlanOfCount(ctx context.Context, s *Store, t directory.TenantID, f mam.Filter) (string, error) {
	return plan(ctx, s, func(tx *sqldb.Tx) (string, []any, error) {
		var c conditions
		from, err := matching(tx, &c, t, f)
		return "SELECT count(*) FROM " + from + " WHERE " + strings.Join(c.where, " AND "), c.args, err
	})
}

// PlanOfRecords is how it would find a page of the sign-in log.
func PlanOfRecords(ctx context.Context, s *Store, t directory.TenantID, q access.RecordQuery) (string, error) {
	return plan(ctx, s, func(*sqldb.Tx) (string, []any, error) {
		query, args := recordsQuery(t, q)
		return query, args, nil
	})
}

func plan(ctx context.Context, s *Store, build func(*sqldb.Tx) (string, []any, error)) (string, error) {
	var steps []string
	err := s.read(ctx, func(tx *sqldb.Tx) error {
		query, args, err := build(tx)
		if err != nil {
			return err
		}
		var step string
		var number [3]int64
		explain, dest := "EXPLAIN ", []any{&step}
		if tx.Row("SELECT version()", nil, &step) != nil { // SQLite has no such function
			explain, dest = "EXPLAIN QUERY PLAN ", []any{&number[0], &number[1], &number[2], &step}
		}
		return tx.Rows(explain+query, args, func(scan func(...any) error) error {
			err := scan(dest...)
			steps = append(steps, step)
			return err
		})
	})
	return strings.Join(steps, "\n"), err
}
