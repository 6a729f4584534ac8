package graphclient_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/graphclient"
	"github.com/postern-mam/postern/internal/graphclient/document"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/httpapi/graph/conditional"
	"github.com/postern-mam/postern/internal/httpapi/graph/entra"
	"github.com/postern-mam/postern/internal/httpapi/graph/intune"
	"github.com/postern-mam/postern/internal/httpapi/graph/tenantadmin"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/prover"
	"github.com/postern-mam/postern/internal/report"
	"github.com/postern-mam/postern/internal/store/storetest"
)

type plainHash struct{}

func (plainHash) HashPassword(_ context.Context, password string) (string, error) {
	return "hash of " + password, nil
}

type noRegistrations struct{ intune.Registrations }

func (noRegistrations) List(context.Context, directory.TenantID, mam.Filter) ([]mam.Registration, error) {
	return nil, nil
}

// openSeal seals nothing: no test here orders a report.
type openSeal struct{}

func (openSeal) Seal(_ string, plain []byte) ([]byte, error)  { return plain, nil }
func (openSeal) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

// service is a real administration API over a real store, behind TLS.
type service struct {
	*testing.T
	client *graphclient.Client
	boot   admin.Bootstrap
	room   *admin.Service
	writes int // requests that were no GET
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{T: t}
	mux, doors := http.NewServeMux(), http.NewServeMux()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/token") {
			s.writes++
		}
		if strings.HasSuffix(r.URL.Path, "/token") {
			mux.ServeHTTP(w, r)
			return
		}
		doors.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	data := storetest.Open(t)
	proofs, err := prover.New(data.Prover())
	if err != nil {
		t.Fatal(err)
	}
	room, err := admin.New(admin.Config{Store: data.Admin(), Passwords: plainHash{}, Lockouts: proofs, IssuerHost: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	s.room = room
	if s.boot, err = room.Found(t.Context(), admin.FoundRequest{BaseURL: server.URL}); err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("client_id") != string(s.boot.ClientID) || r.FormValue("client_secret") != s.boot.ClientSecret {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"invalid_client","error_description":"the client secret is wrong"}`))
			return
		}
		_, _ = w.Write([]byte(`{"access_token":"good","expires_in":600}`))
	})
	log := slog.New(slog.DiscardHandler)
	reports, err := report.New(report.Config{Store: data.Reports()})
	if err != nil {
		t.Fatal(err)
	}
	administration, err := tenantadmin.New(tenantadmin.Config{
		Admin: room, Registrations: noRegistrations{}, Reports: reports, Sealer: openSeal{}, BaseURL: server.URL, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	door, err := graph.New(graph.Config{
		BaseURL: server.URL, Log: log, Authority: room.Authority,
		Authenticate: func(r *http.Request, _ directory.AppID) (oauth.Principal, *oauth.Proof, error) {
			if r.Header.Get("Authorization") != "Bearer good" {
				return oauth.Principal{}, nil, &oauth.Error{Code: oauth.InvalidToken}
			}
			return oauth.Principal{Tenant: s.boot.Tenant, Audience: directory.GraphAPI, Permissions: directory.Permissions()}, nil, nil
		},
	}, entra.New(room, server.URL).Routes(), (&conditional.Area{Admin: room}).Routes(),
		(&intune.Area{Admin: room, Registrations: noRegistrations{}}).Routes(), administration.Routes())
	if err != nil {
		t.Fatal(err)
	}
	door.Mount(doors)
	s.client, err = graphclient.New(graphclient.Config{
		Endpoint: server.URL, Authority: server.URL + "/" + string(s.boot.Tenant), ClientID: string(s.boot.ClientID), ClientSecret: s.boot.ClientSecret,
		HTTP: server.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write puts files into a folder and returns it. Pairs are name and content.
func (s *service) write(files ...string) string {
	s.Helper()
	dir := s.TempDir()
	for i := 0; i < len(files); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600); err != nil {
			s.Fatal(err)
		}
	}
	return dir
}

func (s *service) plan(path string) (graphclient.Plan, error) {
	s.Helper()
	docs, err := document.Load(path, strings.NewReader(""))
	if err != nil {
		return graphclient.Plan{}, err
	}
	return s.client.Plan(s.Context(), graphclient.Wish{Documents: docs})
}

// apply plans and carries out; both must succeed.
func (s *service) apply(path string) graphclient.Plan {
	s.Helper()
	plan, err := s.plan(path)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.client.Apply(s.Context(), plan, func(graphclient.Change) {}); err != nil {
		s.Fatal(err)
	}
	return plan
}

// unchanged wants a plan that changes nothing.
func (s *service) unchanged(path string) {
	s.Helper()
	plan, err := s.plan(path)
	if err != nil {
		s.Fatal(err)
	}
	for _, ch := range plan.Changes {
		if ch.Action != graphclient.Keep {
			doc, _ := json.Marshal(ch)
			s.Errorf("a second run would change something: %s", doc)
		}
	}
}

func (s *service) export() string {
	s.Helper()
	files, err := s.client.Export(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	dir := s.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			s.Fatal(err)
		}
		if err := os.WriteFile(path, f.Body, 0o600); err != nil {
			s.Fatal(err)
		}
	}
	return dir
}
