package store

import (
	"context"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

const (
	sweepEvery = 30 * time.Second
	// sweepAgain is when the next batch follows one that was full: litter must go
	// faster than it comes.
	sweepAgain = 100 * time.Millisecond
	sweepBatch = 200 // rows of one table at a time, so that nobody waits long behind it
)

// keptSignIns is how long the sign-in log goes back: longer than the 30 days of
// Entra, so that drafts can be held against the seasons of half a year.
const keptSignIns = 180 * 24 * time.Hour

// litter is what nobody asks for any more, and how long it is kept for the
// second look: a code or grant that is used again betrays a thief.
var litter = []struct {
	table, key, column string
	keep               time.Duration
}{
	{"spent_proofs", "tenant, jkt, jti", "expires_at", 5 * time.Minute},
	{"flows", "tenant, id", "expires_at", time.Minute},
	{"codes", "tenant, hash", "expires_at", time.Hour},
	{"device_codes", "tenant, id", "expires_at", time.Hour},
	{"passes", "hash", "expires_at", time.Hour},
	{"grants", "tenant, id", "expires_at", 24 * time.Hour},
	{"sessions", "tenant, id", "expires_at", 7 * 24 * time.Hour},
	{"deleted_items", "tenant, kind, id", "deleted_at", admin.KeptDeleted},
	{"events", "sequence", "at", 7 * 24 * time.Hour},
	{"sign_ins", "tenant, id", "at", keptSignIns},
}

// unnamed are rules that others took the place of before the oldest entry of the
// sign-in log: no entry names them. What decides is read before it is recorded,
// hence a while more.
const unnamed = `DELETE FROM policy_sets WHERE (tenant, id) IN (SELECT s.tenant, s.id FROM policy_sets s
	WHERE EXISTS (SELECT 1 FROM policy_sets n WHERE n.tenant = s.tenant AND n.revision > s.revision AND n.kept_at < $1) LIMIT %d)`

// sweep removes a batch of litter now and then, after a write and on its
// caller's time. A sweep that fails leaves its litter to the next.
func (s *Store) sweep(ctx context.Context) {
	now := s.now()
	last := s.swept.Load()
	if now.UnixMilli()-last < sweepEvery.Milliseconds() || !s.swept.CompareAndSwap(last, now.UnixMilli()) {
		return
	}
	full := false
	remove := func(query string, before time.Time) {
		_ = s.db.Write(ctx, func(tx *sqldb.Tx) error {
			n, err := tx.Exec(query, ms(before))
			full = full || n == sweepBatch
			return err
		})
	}
	for _, l := range litter {
		remove(fmt.Sprintf("DELETE FROM %[1]s WHERE (%[2]s) IN (SELECT %[2]s FROM %[1]s WHERE %[3]s < $1 ORDER BY %[3]s LIMIT %[4]d)",
			l.table, l.key, l.column, sweepBatch), now.Add(-l.keep))
	}
	remove(fmt.Sprintf(unnamed, sweepBatch), now.Add(-keptSignIns-time.Hour))
	if full {
		s.swept.CompareAndSwap(now.UnixMilli(), now.Add(sweepAgain-sweepEvery).UnixMilli())
	}
}
