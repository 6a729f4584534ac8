package storetest_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
	"github.com/postern-mam/postern/internal/threat"
)

func benchEach(b *testing.B, run func(b *testing.B, w *world)) {
	b.Run("sqlite", func(b *testing.B) { // on a real disk
		run(b, newWorld(b, store.Options{Path: filepath.Join(b.TempDir(), "bench.db")}))
	})
	b.Run("postgres", func(b *testing.B) { run(b, newWorld(b, store.Options{DatabaseURL: storetest.Postgres(b)})) })
}

// BenchmarkCommit saves registrations with an event each, 64 writers at once.
func BenchmarkCommit(b *testing.B) {
	benchEach(b, func(b *testing.B, w *world) {
		const writers = 64
		regs := make(chan mam.Registration, writers)
		for i := range writers {
			id := fmt.Sprintf("bench-%d", i)
			r := *registration("t1", directory.RegistrationID(id))
			r.App = directory.PackageID(id)
			ok(b, w.MAM().Save(b.Context(), mam.Change{Registration: &r}))
			r.Revision = 1
			regs <- r
		}
		b.SetParallelism(writers / 2) // times GOMAXPROCS, 2 on the reference machine
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			r := <-regs
			for pb.Next() {
				if err := w.MAM().Save(b.Context(), mam.Change{Registration: &r, Events: []event.Event{changed("x")}}); err != nil {
					b.Error(err)
					return
				}
				r.Revision++
			}
			regs <- r
		})
	})
}

// BenchmarkFacts reads what one decision needs.
func BenchmarkFacts(b *testing.B) {
	benchEach(b, func(b *testing.B, w *world) {
		must(w.Admin().Connectors().Save(b.Context(), connector("t1")))(b)
		ok(b, w.MTD().SaveSignal(b.Context(), "t1", "reg", signal(threat.FromConnector, now)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.Gate().Facts(b.Context(), request("t1")); err != nil {
				b.Fatal(err)
			}
		}
	})
}
