package mam_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
)

// BenchmarkCheckIn is one check-in of a healthy PC, acknowledged after COMMIT on
// a file on disk (SQLite with synchronous=FULL). "alone" pays a whole commit
// each time; "together" is many PCs at once, who share commits.
func BenchmarkCheckIn(b *testing.B) {
	onDisk := func(b *testing.B) *world {
		return newWorldOn(b, storetest.OpenWith(b, store.Options{Path: filepath.Join(b.TempDir(), "postern.db")}))
	}
	b.Run("alone", func(b *testing.B) {
		w := onDisk(b)
		p := w.newPC(anna)
		id := p.enroll()
		b.ReportAllocs()
		for b.Loop() {
			p.checkIn(id, w.report())
		}
	})
	b.Run("together", func(b *testing.B) {
		w := onDisk(b)
		const crowd = 64
		pcs, ids := make([]*pc, crowd), make([]directory.RegistrationID, crowd)
		for i := range pcs {
			pcs[i] = w.newPC(anna)
			ids[i] = pcs[i].enroll()
			pcs[i].checkIn(ids[i], w.report()) // the first prepares statements
		}
		b.ReportAllocs()
		b.SetParallelism(crowd / 2) // times two cores
		var next atomic.Int64
		b.RunParallel(func(pb *testing.PB) {
			i := int(next.Add(1)-1) % crowd
			for pb.Next() {
				pcs[i].checkIn(ids[i], w.report())
			}
		})
	})
}
