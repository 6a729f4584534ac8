package storetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/report"
)

// enrolled saves a registration of t1 and returns its identifier.
func (w *world) enrolled(t testing.TB, id string, change func(*mam.Registration)) directory.RegistrationID {
	t.Helper()
	r := registration("t1", directory.RegistrationID(id))
	r.App = directory.PackageID("app." + id)
	if change != nil {
		change(r)
	}
	ok(t, w.MAM().Save(t.Context(), mam.Change{Registration: r}))
	return r.Standing.Registration
}

// listed are the registrations of t1 that f leaves, read in pages of two.
func (w *world) listed(t testing.TB, f mam.Filter) []directory.RegistrationID {
	t.Helper()
	f.Limit = 2
	var ids []directory.RegistrationID
	for {
		page := must(w.MAM().List(t.Context(), "t1", f))(t)
		for _, r := range page {
			ids = append(ids, r.Standing.Registration)
		}
		if len(page) < f.Limit {
			return ids
		}
		f.After = page[len(page)-1].Standing.Registration
	}
}

func TestRegistrationsAreListedByGroup(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		for _, id := range []directory.GroupID{"staff", "europe", "berlin", "guests"} {
			must(a.Groups().Save(ctx, directory.Group{ID: id, Tenant: "t1", DisplayName: string(id)}))(t)
		}
		for _, id := range []string{"bert", "carla", "dora"} {
			must(a.Users().Save(ctx, directory.User{ID: directory.UserID(id), Tenant: "t1", UserPrincipalName: id + "@example", Enabled: true}))(t)
			for _, n := range []string{"1", "2"} {
				w.enrolled(t, id+n, func(r *mam.Registration) { r.User = directory.UserID(id) })
			}
		}
		ok(t, a.AddMember(ctx, "t1", "berlin", user("bert")))
		ok(t, a.AddMember(ctx, "t1", "europe", group("berlin")))
		ok(t, a.AddMember(ctx, "t1", "berlin", group("europe"))) // a circle
		ok(t, a.AddMember(ctx, "t1", "staff", group("europe")))
		ok(t, a.AddMember(ctx, "t1", "staff", user("bert")))
		ok(t, a.AddMember(ctx, "t1", "staff", user("carla")))
		ok(t, a.AddMember(ctx, "t1", "guests", user("dora")))

		law := func(t *testing.T) {
			for _, tt := range []struct {
				f    mam.Filter
				want []directory.RegistrationID
			}{
				{mam.Filter{Groups: []directory.GroupID{"berlin"}}, []directory.RegistrationID{"bert1", "bert2"}},
				{mam.Filter{Groups: []directory.GroupID{"staff"}}, []directory.RegistrationID{"bert1", "bert2", "carla1", "carla2"}},
				{mam.Filter{Groups: []directory.GroupID{"europe", "guests", "none"}}, []directory.RegistrationID{"bert1", "bert2", "dora1", "dora2"}},
				{mam.Filter{Groups: []directory.GroupID{"staff"}, App: "app.carla2"}, []directory.RegistrationID{"carla2"}},
				{mam.Filter{Groups: []directory.GroupID{"staff"}, User: "dora"}, nil},
				{mam.Filter{Groups: []directory.GroupID{"none"}}, nil},
			} {
				wantEqual(t, w.listed(t, tt.f), tt.want)
			}
			wantEqual(t, len(must(w.MAM().List(ctx, "t2", mam.Filter{Groups: []directory.GroupID{"staff"}}))(t)), 0)
		}
		t.Run("of few users", law)
		for i := range 1001 { // who have no app, and are more than are looked up one by one
			id := fmt.Sprintf("idle%d", i)
			must(a.Users().Save(ctx, directory.User{ID: directory.UserID(id), Tenant: "t1", UserPrincipalName: id + "@example", Enabled: true}))(t)
			for _, g := range []directory.GroupID{"berlin", "guests"} {
				ok(t, a.AddMember(ctx, "t1", g, user(id)))
			}
		}
		t.Run("of many users", law)
	})
}

// An app says how far it enforces its policy, or never said; both last, also for
// reports.
func TestWhatAnAppSaysOfItsControlsIsKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		said := []enforcement.Control{
			{Control: enforcement.Wipe, State: enforcement.Partly, By: enforcement.ByExtension, Gaps: []string{"movedFiles", "savedPasswords"}},
			{Control: enforcement.AppConfiguration, State: enforcement.Unknown, By: enforcement.ByNobody},
		}
		w.enrolled(t, "spoke", func(r *mam.Registration) { r.Controls = said })
		w.enrolled(t, "silent", func(*mam.Registration) {})
		shown := map[directory.RegistrationID][]enforcement.Control{}
		for _, i := range must(w.Reports().Installations(ctx, "t1", report.Query{Limit: 10}))(t) {
			shown[i.Registration] = i.Controls
		}
		for id, want := range map[directory.RegistrationID][]enforcement.Control{"spoke": said, "silent": nil} {
			wantEqual(t, must(w.MAM().Registration(ctx, "t1", id))(t).Controls, want)
			wantEqual(t, shown[id], want)
		}
	})
}

func TestRegistrationsAreListedByWhenTheyWereHeardOf(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 5 {
			w.enrolled(t, fmt.Sprint("silent", i), func(r *mam.Registration) {
				r.EnrolledAt, r.LastSyncAt = now.Add(-30*aDay), now.Add(time.Duration(i-10)*time.Hour)
			})
		}
		w.enrolled(t, "never", func(r *mam.Registration) { r.EnrolledAt, r.LastSyncAt = now.Add(-40*aDay), time.Time{} })
		w.enrolled(t, "renewed", func(r *mam.Registration) { r.EnrolledAt, r.LastSyncAt = now, now.Add(-40*aDay) })
		wantEqual(t, w.listed(t, mam.Filter{Before: now.Add(-7 * time.Hour)}), []directory.RegistrationID{"never", "silent0", "silent1", "silent2"})
		wantEqual(t, w.listed(t, mam.Filter{Before: now.Add(-20 * aDay)}), []directory.RegistrationID{"never"})
		wantEqual(t, len(w.listed(t, mam.Filter{Before: now.Add(time.Hour)})), 8)
	})
}
