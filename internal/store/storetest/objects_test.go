package storetest_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

// laws are what holds for objects of every kind. sample is one that was never
// saved; edit changes it in a way that is seen.
func laws[T any](t *testing.T, sample T, o func(*world) admin.Objects[T], k kind[T]) {
	each(t, func(t *testing.T, w *world) {
		ctx, objects := t.Context(), o(w)
		id := k.id(sample)

		_, err := objects.Get(ctx, "t1", id)
		wantKind(t, fault.NotFound, err)
		wantKind(t, fault.NotFound, objects.Delete(ctx, "t1", id))

		before := w.tenantRevision(t)
		created := must(objects.Save(ctx, sample, told("created")))(t)
		wantEqual(t, created, k.with(sample, 1))
		wantEqual(t, must(objects.Get(ctx, "t1", id))(t), created)
		_, err = objects.Save(ctx, sample, told("created twice"))
		wantKind(t, fault.Conflict, err)

		_, err = objects.Get(ctx, "t2", id)
		wantKind(t, fault.NotFound, err)
		wantKind(t, fault.NotFound, objects.Delete(ctx, "t2", id, told("deleted by a stranger")))

		results := race(8, func(i int) error {
			_, err := objects.Save(ctx, k.edit(created), told("edited"))
			return err
		})
		wantOneWinner(t, results, conflict)
		edited := must(objects.Get(ctx, "t1", id))(t)
		wantEqual(t, edited, k.with(k.edit(sample), 2))

		wantEqual(t, contains(must(objects.List(ctx, "t1", admin.Query{Name: k.name(edited)}))(t), edited), true)
		wantEqual(t, len(must(objects.List(ctx, "t1", admin.Query{Name: "nobody has this name"}))(t)), 0)
		wantEqual(t, contains(must(objects.List(ctx, "t2", admin.Query{}))(t), edited), false)

		wantKind(t, fault.Conflict, objects.Delete(ctx, "t1", id, told("deleted as it was"), admin.Note{Seen: 1}))
		ok(t, objects.Delete(ctx, "t1", id, told("deleted"), admin.Note{Seen: 2}))
		_, err = objects.Get(ctx, "t1", id)
		wantKind(t, fault.NotFound, err)
		_, err = objects.Save(ctx, edited, told("saved after the end"))
		wantKind(t, fault.Conflict, err)

		wantEqual(t, w.events(t), []event.Event{changed("created"), changed("edited"), changed("deleted")})
		moved := w.tenantRevision(t) - before
		if k.config && moved != 3 || !k.config && moved != 0 {
			t.Errorf("the tenant's revision moved by %d", moved)
		}
	})
}

type kind[T any] struct {
	id     func(T) string
	name   func(T) string
	with   func(T, int64) T
	edit   func(T) T
	config bool
}

func contains[T any](list []T, v T) bool {
	for _, x := range list {
		if reflect.DeepEqual(x, v) {
			return true
		}
	}
	return false
}

func TestUsers(t *testing.T) {
	laws(t, directory.User{ID: "ötzi", Tenant: "t1", UserPrincipalName: "ÖTZI@Example", DisplayName: "Ö", Enabled: true, Roles: []directory.Role{directory.GlobalAdministrator}, CreatedAt: now},
		func(w *world) admin.Objects[directory.User] { return w.Admin().Users() },
		kind[directory.User]{
			id: func(v directory.User) string { return string(v.ID) }, name: func(directory.User) string { return "ötzi@eXAMPLE" },
			with: func(v directory.User, r int64) directory.User { v.Revision = r; return v },
			edit: func(v directory.User) directory.User { v.Enabled = false; return v },
		})
}

func TestGroups(t *testing.T) {
	laws(t, directory.Group{ID: "g", Tenant: "t1", DisplayName: "Everyone", CreatedAt: now},
		func(w *world) admin.Objects[directory.Group] { return w.Admin().Groups() },
		kind[directory.Group]{
			id: func(v directory.Group) string { return string(v.ID) }, name: func(directory.Group) string { return "EVERYONE" },
			with: func(v directory.Group, r int64) directory.Group { v.Revision = r; return v },
			edit: func(v directory.Group) directory.Group { v.Description = "all"; return v }, config: true,
		})
}

func TestApps(t *testing.T) {
	laws(t, directory.App{
		ID: "app", ObjectID: "o", Tenant: "t1", DisplayName: "App", Public: true, IdentifierURIs: []string{"api://a", "https://a"}, Permissions: []string{"P"},
		Secrets: []directory.Secret{{ID: "s", Hint: "abc", Hash: "h", ExpiresAt: now}}, Keys: []directory.Key{{ID: "k", Certificate: []byte{0, 1, 255}}},
		Site: &directory.Site{Host: "app.example", Upstream: "http://a"}, CreatedAt: now,
	}, func(w *world) admin.Objects[directory.App] { return w.Admin().Apps() },
		kind[directory.App]{
			id: func(v directory.App) string { return string(v.ID) }, name: func(directory.App) string { return "app" },
			with: func(v directory.App, r int64) directory.App { v.Revision = r; return v },
			edit: func(v directory.App) directory.App { v.Public = false; return v }, config: true,
		})
}

func TestDevices(t *testing.T) {
	laws(t, device("t1", "other"), func(w *world) admin.Objects[directory.Device] { return w.Admin().Devices() },
		kind[directory.Device]{
			id: func(v directory.Device) string { return string(v.ID) }, name: func(directory.Device) string { return "pc" },
			with: func(v directory.Device, r int64) directory.Device { v.Revision = r; return v },
			edit: func(v directory.Device) directory.Device { v.Enabled = false; return v }, config: true,
		})
}

func TestAccessPolicies(t *testing.T) {
	laws(t, access.Policy{
		ID: "p", Tenant: "t1", DisplayName: "Require", State: access.ReportOnly, CreatedAt: now, ModifiedAt: now,
		Conditions: access.Conditions{Users: access.Users{All: true, Exclude: []directory.UserID{"anna"}}, Platforms: &access.Platforms{Include: []access.Platform{access.Windows}}},
		Grant:      access.Grant{Operator: access.Or, Controls: []access.Control{access.MFA}},
	}, func(w *world) admin.Objects[access.Policy] { return w.Admin().AccessPolicies() },
		kind[access.Policy]{
			id: func(v access.Policy) string { return string(v.ID) }, name: func(access.Policy) string { return "require" },
			with: func(v access.Policy, r int64) access.Policy { v.Revision = r; return v },
			edit: func(v access.Policy) access.Policy { v.State = access.Enabled; return v }, config: true,
		})
}

func TestProtectionPolicies(t *testing.T) {
	laws(t, protection.Policy{
		ID: "T_1", Tenant: "t1", DisplayName: "Protect", Apps: []directory.PackageID{"com.example.app"}, CreatedAt: now, ModifiedAt: now,
		Assignments: []targeting.Assignment{{Kind: targeting.AllUsers}},
		Settings: protection.Settings{Clipboard: protection.NoClipboard, Checks: []protection.Check{
			{Subject: protection.OfflineGrace, Action: protection.Block, After: 12 * time.Hour},
			{Subject: protection.MinOSVersion, Action: protection.Warn, Version: version.Version{10, 0, 22631, 1}},
			{Subject: protection.MaxThreatLevel, Action: protection.Wipe, Level: threat.Secured},
		}},
	}, func(w *world) admin.Objects[protection.Policy] { return w.Admin().ProtectionPolicies() },
		kind[protection.Policy]{
			id: func(v protection.Policy) string { return string(v.ID) }, name: func(protection.Policy) string { return "PROTECT" },
			with: func(v protection.Policy, r int64) protection.Policy { v.Revision = r; return v },
			edit: func(v protection.Policy) protection.Policy { v.Settings.PrintBlocked = true; return v }, config: true,
		})
}

func TestConnectors(t *testing.T) {
	laws(t, connector("t1"), func(w *world) admin.Objects[threat.Connector] { return w.Admin().Connectors() },
		kind[threat.Connector]{
			id: func(v threat.Connector) string { return string(v.ID) }, name: func(v threat.Connector) string { return string(v.ID) },
			with: func(v threat.Connector, r int64) threat.Connector { v.Revision = r; return v },
			edit: func(v threat.Connector) threat.Connector { v.BlockOnSilence = true; return v }, config: true,
		})
}

func TestTenants(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, tenants := t.Context(), w.Admin().Tenants()
		one := must(tenants.Get(ctx, "t1", "t1"))(t)
		_, err := tenants.Get(ctx, "t1", "t2")
		wantKind(t, fault.NotFound, err)
		wantEqual(t, must(tenants.List(ctx, "t1", admin.Query{}))(t), []directory.Tenant{one})

		one.Settings.AllowDevelopmentHealth = true
		results := race(8, func(int) error {
			_, err := tenants.Save(ctx, one)
			return err
		})
		wantOneWinner(t, results, conflict)
		after := must(tenants.Get(ctx, "t1", "t1"))(t)
		wantEqual(t, after.Settings.AllowDevelopmentHealth, true)
		wantEqual(t, after.Revision, one.Revision+1)

		ok(t, tenants.Delete(ctx, "t1", "t1"))
		_, err = w.IDP().User(ctx, "t1", "anna")
		wantKind(t, fault.NotFound, err)
		must(w.IDP().User(ctx, "t2", "anna"))(t)
	})
}

func TestPagesFollowEachOther(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, groups := t.Context(), w.Admin().Groups()
		for i := range 120 {
			must(groups.Save(ctx, directory.Group{ID: directory.GroupID(fmt.Sprintf("g%03d", i)), Tenant: "t1", DisplayName: "same"}))(t)
		}
		wantEqual(t, len(must(groups.List(ctx, "t1", admin.Query{}))(t)), 100)
		var seen []directory.GroupID
		for after := ""; ; {
			page := must(groups.List(ctx, "t1", admin.Query{Name: "SAME", After: after, Limit: 7}))(t)
			if len(page) == 0 {
				break
			}
			for _, g := range page {
				seen = append(seen, g.ID)
			}
			after = string(page[len(page)-1].ID)
		}
		if len(seen) != 120 || seen[0] != "g000" || seen[119] != "g119" {
			t.Errorf("pages gave %d groups: %v", len(seen), seen)
		}
	})
}

func TestUniqueNames(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		t.Run("a user principal name is unique in its tenant, without case", func(t *testing.T) {
			_, err := w.Admin().Users().Save(ctx, directory.User{ID: "other", Tenant: "t1", UserPrincipalName: "ANNA@example"})
			wantKind(t, fault.Conflict, err)
			wantEqual(t, must(w.IDP().UserByName(ctx, "t1", "aNNa@eXample"))(t).ID, directory.UserID("anna"))
		})
		t.Run("a site's host is unique over all tenants", func(t *testing.T) {
			_, err := w.Admin().Apps().Save(ctx, directory.App{ID: "x", Tenant: "t1", Site: &directory.Site{Host: "T2.sites.example"}})
			wantKind(t, fault.Conflict, err)
			wantEqual(t, must(w.Tunnel().SiteByHost(ctx, "t2.sites.example"))(t).Tenant, directory.TenantID("t2"))
			_, err = w.Tunnel().SiteByHost(ctx, "")
			wantKind(t, fault.NotFound, err)
		})
		t.Run("an identifier URI is unique in its tenant and found exactly", func(t *testing.T) {
			_, err := w.Admin().Apps().Save(ctx, directory.App{ID: "x", Tenant: "t1", IdentifierURIs: []string{"api://x", "api://client"}})
			wantKind(t, fault.Conflict, err)
			_, err = w.IDP().AppByURI(ctx, "t1", "api://x")
			wantKind(t, fault.NotFound, err)
			wantEqual(t, must(w.IDP().AppByURI(ctx, "t1", "api://client"))(t).ID, directory.AppID("client"))
			_, err = w.IDP().AppByURI(ctx, "t1", "API://client")
			wantKind(t, fault.NotFound, err)
		})
		t.Run("a URI that an application gave up is free", func(t *testing.T) {
			app := must(w.IDP().App(ctx, "t1", "client"))(t)
			app.IdentifierURIs = nil
			must(w.Admin().Apps().Save(ctx, app))(t)
			must(w.Admin().Apps().Save(ctx, directory.App{ID: "x", Tenant: "t1", IdentifierURIs: []string{"api://client"}}))(t)
		})
		t.Run("a device key belongs to one device", func(t *testing.T) {
			d := device("t1", "copy")
			d.KeyThumbprint = "jkt-pc"
			_, err := w.Admin().Devices().Save(ctx, d)
			wantKind(t, fault.Conflict, err)
		})
		t.Run("an object needs an identifier and a tenant that exists", func(t *testing.T) {
			_, err := w.Admin().Users().Save(ctx, directory.User{Tenant: "t1", UserPrincipalName: "x"})
			wantKind(t, fault.Invalid, err)
			_, err = w.Admin().Users().Save(ctx, directory.User{ID: "x", Tenant: "t3", UserPrincipalName: "x"})
			wantKind(t, fault.NotFound, err)
			_, err = w.Admin().Groups().Save(ctx, directory.Group{ID: "x", Tenant: "t3"})
			wantKind(t, fault.NotFound, err)
		})
	})
}

func TestTheCallersValuesStayTheCallers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		app := directory.App{ID: "x", Tenant: "t1", Permissions: []string{"P"}, Site: &directory.Site{Host: "x.example"}}
		stored := must(w.Admin().Apps().Save(ctx, app))(t)
		wantEqual(t, app.Revision, int64(0))
		app.Permissions[0], app.Site.Host = "changed", "changed"
		wantEqual(t, stored.Permissions, []string{"P"})
		wantEqual(t, must(w.IDP().App(ctx, "t1", "x"))(t).Site.Host, "x.example")

		reg := must(w.MAM().Registration(ctx, "t1", "reg"))(t)
		same := reg
		events := make([]event.Event, 1, 4)
		events[0] = changed("x")
		ok(t, w.MAM().Save(ctx, mamChange(&reg, events)))
		wantEqual(t, reg, same)
		wantEqual(t, events[:4][1], nil)
	})
}
