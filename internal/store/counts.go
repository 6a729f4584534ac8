package store

import (
	"context"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// Count reads indexes alone, not the registrations.
func (v mamView) Count(ctx context.Context, t directory.TenantID, f mam.Filter) (int, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) (int, error) {
		var c conditions
		from, err := matching(tx, &c, t, f)
		if err != nil {
			return 0, err
		}
		var count int64
		err = tx.Row("SELECT count(*) FROM "+from+" WHERE "+strings.Join(c.where, " AND "), c.args, &count)
		return int(count), err
	})
}
