package storetest_test

import (
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/mam"
)

func TestRegistrationsAreCountedWithoutReadingThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, id := range []string{"a", "b", "c", "d"} {
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
			{mam.Filter{}, 3}, {mam.Filter{Ended: true}, 4}, {mam.Filter{User: "other"}, 1}, {mam.Filter{User: "other", Ended: true}, 2},
			{mam.Filter{App: "app.a"}, 1}, {mam.Filter{Device: "nowhere"}, 0}, {mam.Filter{Limit: 1}, 3},
		} {
			if n := must(w.MAM().Count(t.Context(), "t1", c.f))(t); n != c.want {
				t.Errorf("%+v: %d, want %d", c.f, n, c.want)
			}
		}
		if n := must(w.MAM().Count(t.Context(), "t2", mam.Filter{}))(t); n != 0 {
			t.Errorf("another tenant has %d", n)
		}
	})
}
