package storetest_test

import (
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
)

func TestRegistrationsAreCountedWithoutReadingThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(w.Admin().Users().Save(t.Context(), directory.User{ID: "other", Tenant: "t1", UserPrincipalName: "other@example"}))(t)
		must(w.Admin().Groups().Save(t.Context(), directory.Group{ID: "others", Tenant: "t1"}))(t)
		ok(t, w.Admin().AddMember(t.Context(), "t1", "others", user("other")))
		for _, id := range []string{"a", "b", "c", "d"} { // beside "reg"
			w.enrolled(t, id, func(r *mam.Registration) {
				if id == "c" || id == "d" {
					r.User = "other"
				}
				if id == "d" {
					r.EndedAt = time.Unix(1, 0)
				}
			})
		}
		for _, c := range []struct {
			f    mam.Filter
			want int
		}{
			{mam.Filter{}, 4}, {mam.Filter{Ended: true}, 5}, {mam.Filter{User: "other"}, 1}, {mam.Filter{User: "other", Ended: true}, 2},
			{mam.Filter{App: "app.a"}, 1}, {mam.Filter{Device: "nowhere"}, 0}, {mam.Filter{Limit: 1}, 4},
			{mam.Filter{Groups: []directory.GroupID{"others"}}, 1},
		} {
			if n := must(w.MAM().Count(t.Context(), "t1", c.f))(t); n != c.want {
				t.Errorf("%+v: %d, want %d", c.f, n, c.want)
			}
		}
		if n := must(w.MAM().Count(t.Context(), "t2", mam.Filter{}))(t); n != 1 {
			t.Errorf("another tenant has %d", n)
		}
	})
}
