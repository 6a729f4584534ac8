package mam_test

import (
	"context"
	"errors"
	"testing"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/mam"
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

// stubborn is a store that cannot tell of one registration.
type stubborn struct {
	mam.Store
	of directory.RegistrationID
}

var errStubborn = errors.New("the disk is wet")

func (s stubborn) Dossier(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (mam.Dossier, error) {
	if id == s.of {
		return mam.Dossier{}, errStubborn
	}
	return s.Store.Dossier(ctx, t, id)
}

func TestOneRegistrationThatFailsHidesNoOther(t *testing.T) {
	w := newWorld(t)
	var ids []directory.RegistrationID
	for range 3 {
		p := w.newPC(anna)
		id := p.enroll()
		p.checkIn(id, w.report())
		ids = append(ids, id)
	}
	w.wiping()
	svc, err := mam.New(mam.Config{
		Store: stubborn{w.store.MAM(), ids[1]}, Signer: w, Issuer: issuer, Now: w.clock,
		OrderKeys: func(context.Context) ([]byte, error) { return []byte(`{"keys":[]}`), nil },
	})
	must(t, err)
	err = svc.OnEvent(t.Context(), event.ConfigChanged{Tenant: tenant, At: w.now})
	if !errors.Is(err, errStubborn) {
		t.Errorf("got %v", err)
	}
	for i, id := range ids {
		if got := w.get(id).WipePending; got != (i != 1) {
			t.Errorf("registration %d was judged again: %v", i, got)
		}
	}
}
