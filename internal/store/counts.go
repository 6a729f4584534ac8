package store

import (
	"context"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// Count reads an index alone, not the registrations.
func (v mamView) Count(ctx context.Context, t directory.TenantID, f mam.Filter) (int, error) {
	var c conditions
	c.add("tenant = ?", string(t))
	for _, n := range []struct{ column, value string }{{"user_id", string(f.User)}, {"device_id", string(f.Device)}, {"app", string(f.App)}} {
		if n.value != "" {
			c.add(n.column+" = ?", n.value)
		}
	}
	if !f.Ended {
		c.add("ended_at = 0")
	}
	return one(ctx, v.Store, func(tx *sqldb.Tx) (n int, err error) {
		var count int64
		err = tx.Row("SELECT count(*) FROM registrations WHERE "+strings.Join(c.where, " AND "), c.args, &count)
		return int(count), err
	})
}
