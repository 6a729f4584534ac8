package storetest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
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

// BenchmarkEffectivePolicy reads and merges what applies to one user and app, of
// whom five policies of a tenant are for: of a registration, as check-ins do, and
// in a decision whose person was not kept. What is not for the user is for other
// groups or other apps.
func BenchmarkEffectivePolicy(b *testing.B) {
	benchEach(b, func(b *testing.B, w *world) {
		have := 0
		for _, n := range []int{10, 1000, 10_000} {
			w.grow(b, have, n)
			have = n
			b.Run(fmt.Sprintf("policies=%d", n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() { // a candidate is read anew each time, apart from the policies themselves
					d := must(w.MAM().Candidate(b.Context(), "t1", "anna", app))(b)
					d.Standing.Platform = "windows"
					if e, _ := compliance.Applies(d.Dossier); len(e.Policies) != 5 {
						b.Fatalf("%d policies apply", len(e.Policies))
					}
				}
			})
		}
	})
}

// grow makes the tenant have to policies instead of from.
func (w *world) grow(b *testing.B, from, to int) {
	b.Helper()
	ctx, a := b.Context(), w.Admin()
	if from == 0 {
		for g := range 100 {
			must(a.Groups().Save(ctx, directory.Group{ID: directory.GroupID(fmt.Sprintf("g%d", g)), Tenant: "t1", DisplayName: fmt.Sprint(g)}))(b)
		}
		ok(b, a.AddMember(ctx, "t1", "g0", user("anna")))
		ok(b, a.AddMember(ctx, "t1", "g1", group("g0")))
	}
	var jobs errgroup.Group
	jobs.SetLimit(64) // writers share commits
	for i := from; i < to; i++ {
		p := protects(protection.PolicyID(fmt.Sprintf("T_%05d", i)), []directory.PackageID{app}, include(directory.GroupID(fmt.Sprintf("g%d", 2+i%98))))
		switch {
		case i < 2:
			p.Assignments = []targeting.Assignment{everybody()}
		case i < 5:
			p.Assignments = []targeting.Assignment{include(directory.GroupID(fmt.Sprintf("g%d", i%2)))}
		case i%2 == 0: // everybody, in another app
			p.Apps, p.Assignments = []directory.PackageID{directory.PackageID(fmt.Sprintf("com.example.%d", i))}, []targeting.Assignment{everybody()}
		}
		p.Settings.Checks = []protection.Check{{Subject: protection.MinOSVersion, Action: protection.Block, Version: version.Version{10, 0, uint32(i)}}}
		jobs.Go(func() error {
			_, err := a.ProtectionPolicies().Save(ctx, p)
			return err
		})
	}
	ok(b, jobs.Wait())
}

// BenchmarkEffectivePolicyAmong is the same with five policies among many
// registrations: 1,000 by default, as many as POSTERN_BENCH_REGISTRATIONS says
// (1000000 takes some minutes to seed). "recalled" is what a check-in reads,
// "anew" what is read when user or configuration has changed, "group" finds the
// registrations of a group of one.
func BenchmarkEffectivePolicyAmong(b *testing.B) {
	n := 1000
	if text := os.Getenv("POSTERN_BENCH_REGISTRATIONS"); text != "" {
		n = must(strconv.Atoi(text))(b)
	}
	benchEach(b, func(b *testing.B, w *world) {
		w.grow(b, 0, 10)
		storetest.Crowd(b, w.options, storetest.Original{Tenant: "t1", Registration: "reg"}, n)
		run := func(name string, once func(b *testing.B) int, want int) {
			b.Run(fmt.Sprintf("%s/registrations=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if got := once(b); got != want {
						b.Fatalf("%d, want %d", got, want)
					}
				}
			})
		}
		run("recalled", func(b *testing.B) int {
			e, _ := compliance.Applies(must(w.MAM().Dossier(b.Context(), "t1", "reg"))(b).Dossier)
			return len(e.Policies)
		}, 5)
		run("anew", func(b *testing.B) int {
			d := must(w.MAM().Candidate(b.Context(), "t1", "anna", app))(b)
			d.Standing.Platform = "windows"
			e, _ := compliance.Applies(d.Dossier)
			return len(e.Policies)
		}, 5)
		run("group", func(b *testing.B) int {
			return len(must(w.MAM().List(b.Context(), "t1", mam.Filter{Groups: []directory.GroupID{"g1"}}))(b))
		}, 1)
		run("user", func(b *testing.B) int {
			return len(must(w.MAM().List(b.Context(), "t1", mam.Filter{User: "user-0000001"}))(b))
		}, 3)
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
