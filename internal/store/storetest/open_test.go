package storetest_test

import (
	"testing"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/store/storetest"
)

func TestOpenGivesAStoreThatWorks(t *testing.T) {
	s := storetest.Open(t)
	err := s.Admin().Found(t.Context(), admin.Founding{
		Tenant: directory.Tenant{ID: "t1", DisplayName: "One"},
		Admin:  directory.User{ID: "u1", Tenant: "t1", UserPrincipalName: "Admin@one.example"},
		Apps:   []directory.App{{ID: directory.GraphAPI, Tenant: "t1", IdentifierURIs: []string{"https://graph.microsoft.com"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.IDP().UserByName(t.Context(), "t1", "admin@ONE.example"); err != nil {
		t.Error(err)
	}
	if _, err := s.IDP().AppByURI(t.Context(), "t1", "https://graph.microsoft.com"); err != nil {
		t.Error(err)
	}
}
