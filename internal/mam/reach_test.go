package mam_test

import (
	"testing"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
)

func TestAChangeIsFollowedWhereItReaches(t *testing.T) {
	const (
		edge = directory.PackageID("com.microsoft.edge")
		mail = directory.PackageID("com.example.mail")
		bert = directory.UserID("5a1e2d6c-0000-4000-8000-0000000000b1")
	)
	for _, tt := range []struct {
		name  string
		reach *event.Reach
		anna  bool
		bert  bool
	}{
		{"everyone", nil, true, true},
		{"nobody", &event.Reach{}, false, false},
		{"all users in every app", &event.Reach{AllUsers: true}, true, true},
		{"all users in the app", &event.Reach{AllUsers: true, Apps: []directory.PackageID{mail, edge}}, true, true},
		{"all users in another app", &event.Reach{AllUsers: true, Apps: []directory.PackageID{mail}}, false, false},
		{"all users in no app", &event.Reach{AllUsers: true, Apps: []directory.PackageID{}}, false, false},
		{"a group", &event.Reach{Groups: []directory.GroupID{"staff"}}, false, true},
		{"a group above it", &event.Reach{Groups: []directory.GroupID{"europe", "guests"}, Apps: []directory.PackageID{edge}}, false, true},
		{"another group", &event.Reach{Groups: []directory.GroupID{"guests"}}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.addUser(bert, "bert")
			for _, g := range []directory.GroupID{"staff", "europe", "guests"} {
				_, err := w.store.Admin().Groups().Save(t.Context(), directory.Group{ID: g, Tenant: tenant, DisplayName: string(g)})
				must(t, err)
			}
			must(t, w.store.Admin().AddMember(t.Context(), tenant, "staff", directory.Member{Kind: directory.MemberUser, ID: string(bert)}))
			must(t, w.store.Admin().AddMember(t.Context(), tenant, "europe", directory.Member{Kind: directory.MemberGroup, ID: "staff"}))
			hers, his := w.newPC(anna), w.newPC(bert)
			annas, berts := hers.enroll(), his.enroll()
			hers.checkIn(annas, w.report())
			his.checkIn(berts, w.report())
			w.wiping()
			must(t, w.mam.OnEvent(t.Context(), event.ConfigChanged{Tenant: tenant, Reach: tt.reach, At: w.now}))
			if a, b := w.get(annas).WipePending, w.get(berts).WipePending; a != tt.anna || b != tt.bert {
				t.Errorf("judged again: anna %v, bert %v", a, b)
			}
		})
	}
}
