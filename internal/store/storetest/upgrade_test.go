package storetest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/compliance"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/store/sqldb"
	"github.com/postern-mam/postern/internal/store/storetest"
	"github.com/postern-mam/postern/internal/targeting"
)

// first writes a database as the first release left it.
func first(t *testing.T, o store.Options) {
	t.Helper()
	house, err := os.ReadFile("../migrations/00001_house.sql")
	ok(t, err)
	db, err := sqldb.Open(t.Context(), sqldb.Options{Path: o.Path, DatabaseURL: o.DatabaseURL, Migrations: fstest.MapFS{"00001_house.sql": {Data: house}}})
	ok(t, err)
	put := func(tx *sqldb.Tx, v any, statement string, args ...any) {
		doc, err := json.Marshal(v)
		ok(t, err)
		_, err = tx.Exec(statement, append([]any{string(doc)}, args...)...)
		ok(t, err)
	}
	ok(t, db.Write(t.Context(), func(tx *sqldb.Tx) error {
		put(tx, directory.Tenant{ID: "t1", DisplayName: "Contoso", CreatedAt: now}, "INSERT INTO tenants (doc, tenant, id, name, revision) VALUES ($1, 't1', 't1', 'contoso', 1)")
		put(tx, directory.User{ID: "anna", Tenant: "t1", UserPrincipalName: "anna@contoso.example", Enabled: true},
			"INSERT INTO users (doc, tenant, id, name, revision) VALUES ($1, 't1', 'anna', 'anna@contoso.example', 1)")
		put(tx, directory.Group{ID: "staff", Tenant: "t1"}, "INSERT INTO user_groups (doc, tenant, id, name, revision) VALUES ($1, 't1', 'staff', 'staff', 1)")
		if _, err := tx.Exec("INSERT INTO members (tenant, group_id, member_id, user_id) VALUES ('t1', 'staff', 'anna', 'anna')"); err != nil {
			return err
		}
		put(tx, directory.App{ID: "app", ObjectID: "object", Tenant: "t1"}, "INSERT INTO apps (doc, tenant, id, name, site_host, revision) VALUES ($1, 't1', 'app', 'app', '', 1)")
		put(tx, protection.Policy{
			ID: "T_1", Tenant: "t1", DisplayName: "Edge", Apps: []directory.PackageID{"com.microsoft.edge"},
			Assignments: []targeting.Assignment{{Kind: targeting.IncludeGroup, Group: "staff"}},
		}, "INSERT INTO protection_policies (doc, tenant, id, name, revision) VALUES ($1, 't1', 'T_1', 'edge', 1)")
		put(tx, directory.Device{ID: "pc", Tenant: "t1", Owner: "anna"}, "INSERT INTO devices (doc, tenant, id, name, jkt, revision) VALUES ($1, 't1', 'pc', 'pc', 'key', 1)")
		reg := mam.Registration{Standing: compliance.Standing{
			Registration: "reg", Installation: directory.Installation{Tenant: "t1", User: "anna", App: "com.microsoft.edge", Device: "pc"},
			EnrolledAt: now.Add(-time.Hour), LastSyncAt: now.Add(-time.Minute),
		}}
		put(tx, reg, "INSERT INTO registrations (doc, tenant, id, user_id, device_id, app, ended_at, revision) VALUES ($1, 't1', 'reg', 'anna', 'pc', 'com.microsoft.edge', 0, 1)")
		put(tx, mam.Operation{ID: "op", Tenant: "t1", Registration: "reg", State: mam.Pending, RequestedAt: now},
			"INSERT INTO operations (doc, tenant, id, registration_id, requested_at, revision) VALUES ($1, 't1', 'op', 'reg', $2, 1)", now.UnixMilli())
		for i := range 1001 { // more than are read at once
			r := ruling("t1", fmt.Sprintf("%04d", i))
			r.Code = i % 2
			put(tx, r, "INSERT INTO sign_ins (doc, tenant, id, at) VALUES ($1, 't1', $2, $3)", r.ID, now.UnixMilli())
		}
		return nil
	}))
	ok(t, db.Close())
}

// Nobody's data is lost, and nobody loses protection, by an upgrade.
func TestADatabaseOfTheFirstReleaseKeepsWorking(t *testing.T) {
	for engine, options := range map[string]func(testing.TB) store.Options{
		"sqlite":   func(t testing.TB) store.Options { return store.Options{Path: storetest.File(t)} },
		"postgres": func(t testing.TB) store.Options { return store.Options{DatabaseURL: storetest.Postgres(t)} },
	} {
		t.Run(engine, func(t *testing.T) {
			o := options(t)
			o.Now = func() time.Time { return now }
			first(t, o)
			for range 2 { // once upgraded, once as it then is
				s, err := store.Open(t.Context(), o)
				ok(t, err)
				ctx := t.Context()
				d := must(s.MAM().Candidate(ctx, "t1", "anna", "com.microsoft.edge"))(t)
				if len(d.Demands.Policies) != 1 || d.Demands.Policies[0].ID != "T_1" {
					t.Errorf("the policies for anna are %v", d.Demands.Policies)
				}
				wantEqual(t, must(s.Admin().AppByObjectID(ctx, "t1", "object"))(t).ID, directory.AppID("app"))
				found := must(s.MAM().Tracked(ctx, "t1", mam.OperationFilter{State: mam.Pending, User: "anna"}))(t)
				if len(found) != 1 || found[0].Operation.ID != "op" {
					t.Errorf("the pending wipe is %v", found)
				}
				if regs := must(s.MAM().List(ctx, "t1", mam.Filter{App: "com.microsoft.edge"}))(t); len(regs) != 1 {
					t.Errorf("registrations: %v", regs)
				}
				if expired := must(s.MAM().List(ctx, "t1", mam.Filter{Before: now.Add(-24 * time.Hour)}))(t); len(expired) != 0 {
					t.Errorf("who was heard of a minute ago counts as silent: %v", expired)
				}
				if log := must(s.Records(ctx, "t1", access.RecordQuery{User: "anna", Refused: true, Limit: 2000}))(t); len(log) != 500 {
					t.Errorf("%d refused sign-ins of anna are found", len(log))
				}
				wantEqual(t, len(must(s.Admin().Members(ctx, "t1", "staff", admin.Query{}))(t)), 1)
				ok(t, s.Close())
			}
		})
	}
}
