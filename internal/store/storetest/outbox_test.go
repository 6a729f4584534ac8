package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/outbox"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/storetest"
)

func TestEveryKindOfEventComesBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		want := []event.Event{
			event.ComplianceChanged{Installation: installation("t1"), Registration: "reg", From: "a", To: "b", At: now},
			event.ThreatChanged{Installation: installation("t1"), Registration: "reg", At: now},
			event.RegistrationChanged{Installation: installation("t1"), Registration: "reg", Ended: true, At: now},
			event.WipeRequested{Installation: installation("t1"), Registration: "reg", Operation: "op", At: now},
			event.WipeReported{Installation: installation("t1"), Registration: "reg", Operation: "op", At: now},
			changed("x"),
			event.UserChanged{Tenant: "t1", User: "anna", At: now},
			event.SessionRevoked{Tenant: "t1", User: "anna", Session: "session", Reason: "r", At: now},
		}
		wantEqual(t, must(w.Outbox().LastSequence(ctx))(t), int64(0))
		reg := must(w.MAM().Registration(ctx, "t1", "reg"))(t)
		ok(t, w.MAM().Save(ctx, mam.Change{Registration: &reg, Events: want}))
		wantEqual(t, w.events(t), want)
		last := must(w.Outbox().LastSequence(ctx))(t)
		wantEqual(t, last, int64(len(want)))
		wantEqual(t, len(must(w.Outbox().EventsAfter(ctx, last, 10))(t)), 0)
		page := must(w.Outbox().EventsAfter(ctx, 2, 3))(t)
		wantEqual(t, []int64{page[0].Sequence, page[1].Sequence, page[2].Sequence}, []int64{3, 4, 5})

		w.reopen(t)
		wantEqual(t, w.events(t), want)
	})
}

// Readers follow 16 writers and must never be shown an event behind one that
// they have seen.
func TestEventsAreReadInTheOrderOfTheirCommits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const writers, rounds = 16, 10
		ctx := t.Context()
		var following sync.WaitGroup
		following.Go(func() {
			for at := int64(0); at < writers*rounds; {
				for _, s := range must(w.Outbox().EventsAfter(ctx, at, 7))(t) {
					if s.Sequence != at+1 {
						t.Errorf("after %d came %d", at, s.Sequence)
					}
					at = s.Sequence
				}
				if t.Failed() {
					return
				}
			}
		})
		results := race(writers, func(i int) error {
			for n := range rounds {
				id := directory.GroupID(fmt.Sprintf("%d-%d", i, n))
				if _, err := w.Admin().Groups().Save(ctx, directory.Group{ID: id, Tenant: "t1"}, told(string(id))); err != nil {
					return err
				}
			}
			return nil
		})
		ok(t, errors.Join(results...))
		following.Wait()
	})
}

func TestACommitWithEventsIsHinted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, hints := t.Context(), w.Hints()
		hinted := func() bool {
			select {
			case <-hints:
				return true
			default:
				return false
			}
		}
		_, err := w.Admin().Users().Save(ctx, directory.User{ID: "anna", Tenant: "t1"}, told("failed"))
		wantKind(t, fault.Conflict, err)
		must(w.Admin().Users().Save(ctx, directory.User{ID: "silent", Tenant: "t1", UserPrincipalName: "s"}))(t)
		wantEqual(t, hinted(), false)
		for range 3 {
			must(w.IDP().SaveSession(ctx, must(w.IDP().Session(ctx, "t1", "session"))(t), changed("x")))(t)
		}
		wantEqual(t, []bool{hinted(), hinted()}, []bool{true, false})
		must(w.IDP().RevokeSessions(ctx, "t1", "anna", "r", now))(t)
		wantEqual(t, hinted(), true)
		must(w.IDP().RevokeSessions(ctx, "t1", "anna", "r", now))(t)
		wantEqual(t, hinted(), false)
	})
}

func TestTheDispatcherFollowsTheStore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		got := make(chan event.Event, 10)
		d, err := outbox.New(t.Context(), outbox.Config{
			Store: w.Outbox(), Hints: w.Hints(), Every: time.Hour, Log: slog.New(slog.DiscardHandler),
			Handlers: []event.Handler{func(_ context.Context, e event.Event) error { got <- e; return nil }},
		})
		ok(t, err)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { ok(t, d.Run(ctx)) })
		must(w.IDP().RevokeSessions(t.Context(), "t1", "anna", "r", now))(t)
		wantEqual(t, <-got, event.SessionRevoked{Tenant: "t1", User: "anna", Session: "session", Reason: "r", At: now})
		stop()
		running.Wait()
	})
}

func TestKeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, k := t.Context(), w.Keys()
		_, err := k.Key(ctx, "signing")
		wantKind(t, fault.NotFound, err)
		got := make([][]byte, 8)
		ok(t, errors.Join(race(8, func(i int) (err error) {
			got[i], err = k.CreateKey(ctx, "signing", []byte{0, 255, byte(i)})
			return err
		})...))
		for _, g := range got {
			wantEqual(t, g, got[0])
		}
		w.reopen(t)
		wantEqual(t, must(w.Keys().Key(ctx, "signing"))(t), got[0])
	})
}

func TestFounding(t *testing.T) {
	founding := func(id directory.TenantID) admin.Founding {
		return admin.Founding{
			Tenant: directory.Tenant{ID: id, CreatedAt: now}, Password: admin.Password{Hash: "h", MustChange: true},
			Admin: directory.User{ID: "admin", Tenant: id, UserPrincipalName: "admin@x", Roles: []directory.Role{directory.GlobalAdministrator}},
			Apps:  []directory.App{{ID: "a", Tenant: id, IdentifierURIs: []string{"api://a"}}, {ID: "b", Tenant: id}},
		}
	}
	law := func(t *testing.T, o store.Options) {
		ctx, s := t.Context(), storetest.OpenWith(t, o)
		_, err := s.FirstTenant(ctx)
		wantKind(t, fault.NotFound, err)
		broken := founding("t0")
		broken.Apps = append(broken.Apps, broken.Apps[0])
		wantKind(t, fault.Conflict, s.Admin().Found(ctx, broken))
		_, err = s.FirstTenant(ctx)
		wantKind(t, fault.NotFound, err)

		results := race(8, func(i int) error { return s.Admin().Found(ctx, founding(directory.TenantID(fmt.Sprint("t", i)))) })
		wantOneWinner(t, results, conflict)
		first := must(s.FirstTenant(ctx))(t)
		must(s.IDP().AppByURI(ctx, first.ID, "api://a"))(t)
		must(s.IDP().App(ctx, first.ID, "b"))(t)
		wantEqual(t, must(s.IDP().UserByName(ctx, first.ID, "ADMIN@x"))(t).Roles, []directory.Role{directory.GlobalAdministrator})
		wantEqual(t, must(s.IDP().Credential(ctx, first.ID, "admin"))(t).MustChange, true)
		ok(t, s.Ping(ctx))
	}
	t.Run("sqlite", func(t *testing.T) { law(t, store.Options{Path: storetest.File(t)}) })
	t.Run("postgres", func(t *testing.T) { law(t, store.Options{DatabaseURL: storetest.Postgres(t)}) })
}

func TestLitterIsSweptAndWhatLivesStays(t *testing.T) {
	law := func(t *testing.T, o store.Options) {
		at := now
		o.Now = func() time.Time { return at }
		w := newWorld(t, o)
		ctx, s := t.Context(), w.IDP()
		proof := oauth.Proof{JKT: "k", JTI: "j", ExpiresAt: now.Add(time.Minute)}
		ok(t, s.SpendProof(ctx, "t1", proof))
		must(s.SaveFlow(ctx, idp.Flow{ID: "f", Tenant: "t1", ExpiresAt: now.Add(time.Minute)}))(t)
		ok(t, s.SaveCode(ctx, code("t1", "c"), directory.Revisions{}, ruling("t1", "")))
		ok(t, s.SaveIssue(ctx, idp.Issue{Tenant: "t1", Grant: grant("t1", "g"), Record: ruling("t1", "")}))
		must(s.SaveSession(ctx, must(s.Session(ctx, "t1", "session"))(t), changed("old")))(t)

		at = now.Add(2 * time.Minute)
		ok(t, s.RevokeGrant(ctx, "t1", "none", at)) // any write
		wantIs(t, idp.ErrReplayed, s.SpendProof(ctx, "t1", proof))
		must(s.Code(ctx, "t1", "c"))(t)

		at = now.Add(2 * time.Hour)
		ok(t, s.RevokeGrant(ctx, "t1", "none", at))
		ok(t, s.SpendProof(ctx, "t1", proof)) // forgotten: a proof that old is refused for its age
		_, err := s.Flow(ctx, "t1", "f", now)
		wantKind(t, fault.NotFound, err)
		_, err = s.Code(ctx, "t1", "c")
		wantKind(t, fault.NotFound, err)
		must(s.GrantByRefresh(ctx, "t1", "refresh-g"))(t)
		must(s.Session(ctx, "t1", "session"))(t)

		at = now.Add(30 * 24 * time.Hour)
		ok(t, s.RevokeGrant(ctx, "t1", "none", at))
		_, err = s.Session(ctx, "t1", "session")
		wantKind(t, fault.NotFound, err)
		if log := must(w.Records(ctx, "t1", access.RecordQuery{Limit: 10}))(t); len(log) == 0 {
			t.Error("the sign-in log is gone after a month")
		}

		at = now.Add(181 * 24 * time.Hour)
		ok(t, s.RevokeGrant(ctx, "t1", "none", at))
		if log := must(w.Records(ctx, "t1", access.RecordQuery{Limit: 10}))(t); len(log) != 0 {
			t.Errorf("after half a year the log still has %d sign-ins", len(log))
		}
		wantEqual(t, len(w.events(t)), 0)
		wantEqual(t, must(w.Outbox().LastSequence(ctx))(t), int64(1)) // never handed out again
		must(w.MAM().Registration(ctx, "t1", "reg"))(t)
	}
	t.Run("sqlite", func(t *testing.T) { law(t, store.Options{Path: storetest.File(t)}) })
	t.Run("postgres", func(t *testing.T) { law(t, store.Options{DatabaseURL: storetest.Postgres(t)}) })
}

// However much expires at once, the next writes clear it away: what is made
// faster than it is removed would fill the disk.
func TestLitterNeverPilesUp(t *testing.T) {
	at := now
	w := newWorld(t, store.Options{Path: storetest.File(t), Now: func() time.Time { return at }})
	ctx, s := t.Context(), w.IDP()
	const many = 1000
	for i := range many {
		must(s.SaveFlow(ctx, idp.Flow{ID: fmt.Sprint(i), Tenant: "t1", ExpiresAt: now.Add(time.Minute)}))(t)
	}
	at = now.Add(time.Hour)
	for range 10 {
		ok(t, s.RevokeGrant(ctx, "t1", "none", at)) // any write
		at = at.Add(time.Second)
	}
	left := 0
	for i := range many {
		if _, err := s.Flow(ctx, "t1", fmt.Sprint(i), now); err == nil {
			left++
		}
	}
	wantEqual(t, left, 0)
}

func TestAFullDiskLosesNothingThatWasAcknowledged(t *testing.T) {
	o := store.Options{Path: storetest.File(t), MaxPages: 200}
	w := newWorld(t, o)
	ctx := t.Context()
	saved, full := 0, error(nil)
	for i := 0; full == nil && i < 10000; i++ {
		_, full = w.Admin().Groups().Save(ctx, directory.Group{ID: directory.GroupID(fmt.Sprintf("%05d", i)), Tenant: "t1", Description: string(make([]byte, 500))}, told("g"))
		if full == nil {
			saved++
		}
	}
	wantKind(t, fault.Unavailable, full)
	wantEqual(t, fault.Detail(full), "the disk is full; nothing was saved")
	check := func() {
		wantEqual(t, len(must(w.Admin().Groups().List(ctx, "t1", admin.Query{Limit: 10000}))(t)), saved)
		wantEqual(t, must(w.Outbox().LastSequence(ctx))(t), int64(saved))
		wantEqual(t, len(must(w.Outbox().EventsAfter(ctx, 0, 10000))(t)), saved)
	}
	check()
	w.options.MaxPages = 0
	w.reopen(t)
	check()
	must(w.Admin().Groups().Save(ctx, directory.Group{ID: "room", Tenant: "t1"}))(t)
}
