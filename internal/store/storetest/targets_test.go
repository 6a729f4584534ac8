package storetest_test

import (
	"database/sql"
	"testing"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/targeting"
)

const app directory.PackageID = "com.example.app"

func include(g directory.GroupID) targeting.Assignment {
	return targeting.Assignment{Kind: targeting.IncludeGroup, Group: g}
}

func everybody() targeting.Assignment { return targeting.Assignment{Kind: targeting.AllUsers} }

func protects(id protection.PolicyID, apps []directory.PackageID, assignments ...targeting.Assignment) protection.Policy {
	return protection.Policy{ID: id, Tenant: "t1", DisplayName: string(id), Apps: apps, Assignments: assignments}
}

// asked are the protection policies that anna is asked to keep in an app.
func (w *world) asked(t testing.TB, app directory.PackageID) (ids []protection.PolicyID, elsewhere bool) {
	t.Helper()
	d := must(w.MAM().Candidate(t.Context(), "t1", "anna", app))(t).Demands
	for _, p := range d.Policies {
		ids = append(ids, p.ID)
	}
	return ids, d.Elsewhere
}

func (w *world) wantAsked(t testing.TB, want ...protection.PolicyID) {
	t.Helper()
	ids, _ := w.asked(t, app)
	wantEqual(t, ids, want)
}

func TestAUserIsAskedWhatAllUsersAndTheirGroupsAre(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a, apps := t.Context(), w.Admin(), []directory.PackageID{app, "com.example.mail"}
		for _, id := range []directory.GroupID{"staff", "europe", "strangers"} {
			must(a.Groups().Save(ctx, directory.Group{ID: id, Tenant: "t1", DisplayName: string(id)}))(t)
		}
		ok(t, a.AddMember(ctx, "t1", "staff", user("anna")))
		ok(t, a.AddMember(ctx, "t1", "europe", group("staff")))
		save := func(p protection.Policy) protection.Policy { return must(a.ProtectionPolicies().Save(ctx, p))(t) }

		w.wantAsked(t)
		nested := save(protects("a", apps, include("europe"), include("staff")))
		save(protects("b", apps, everybody()))
		save(protects("c", apps, include("strangers")))
		save(protects("d", apps, targeting.Assignment{Kind: targeting.ExcludeGroup, Group: "staff"}))
		save(protects("e", []directory.PackageID{"com.example.other"}, everybody()))
		save(protects("f", nil, everybody()))
		foreign := protects("g", apps, everybody())
		foreign.Tenant = "t2"
		save(foreign)
		w.wantAsked(t, "a", "b")
		d := must(w.MAM().Dossier(ctx, "t1", "reg"))(t)
		wantEqual(t, d.Demands.Policies[0], nested)
		facts := must(w.Gate().Facts(ctx, request("t1")))(t)
		wantEqual(t, facts.Dossier.Demands, d.Demands)

		t.Run("and follow every change", func(t *testing.T) {
			nested.Apps, nested.Description = nested.Apps[1:], "not for the app any more"
			nested = save(nested)
			w.wantAsked(t, "b")
			nested.Apps, nested.Assignments = apps, nested.Assignments[:1]
			nested = save(nested)
			w.wantAsked(t, "a", "b")
			facts := must(w.Gate().Facts(ctx, request("t1")))(t)
			wantEqual(t, facts.Dossier.Demands.Policies[0], nested)
			ok(t, a.RemoveMember(ctx, "t1", "europe", "staff"))
			w.wantAsked(t, "b")
			ok(t, a.ProtectionPolicies().Delete(ctx, "t1", "b"))
			w.wantAsked(t)
			wantEqual(t, len(must(w.Gate().Facts(ctx, request("t1")))(t).Dossier.Demands.Policies), 0)
		})
		t.Run("and what is asked in other apps is known", func(t *testing.T) {
			_, elsewhere := w.asked(t, "com.example.unheard")
			wantEqual(t, elsewhere, true)
			ok(t, a.ProtectionPolicies().Delete(ctx, "t1", "e"))
			ok(t, a.ProtectionPolicies().Delete(ctx, "t1", "d"))
			_, elsewhere = w.asked(t, "com.example.unheard")
			wantEqual(t, elsewhere, false)
			save(protects("h", apps, everybody(), targeting.Assignment{Kind: targeting.ExcludeGroup, Group: "staff"}))
			_, elsewhere = w.asked(t, "com.example.unheard")
			wantEqual(t, elsewhere, false)
		})
	})
}

func TestTheSettingsOfTheTenantComeWithWhatIsAsked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		tenant := must(w.Admin().Tenants().Get(ctx, "t1", "t1"))(t)
		tenant.Settings = directory.TenantSettings{ProtectionOff: true, EntitledGroup: "licensed", MaxUsersPerDevice: 2}
		must(w.Admin().Tenants().Save(ctx, tenant))(t)
		wantEqual(t, must(w.MAM().Dossier(ctx, "t1", "reg"))(t).Demands.Settings, tenant.Settings)
		wantEqual(t, must(w.Gate().Facts(ctx, request("t1")))(t).Dossier.Demands.Settings, tenant.Settings)
		_, err := w.MAM().Candidate(ctx, "t1", "nobody", app)
		wantKind(t, fault.NotFound, err)
		_, err = w.MAM().Policies(ctx, "t3")
		wantKind(t, fault.NotFound, err)
	})
}

func TestConfigurationsFiltersAndSitesComeWithWhatIsAsked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a, apps := t.Context(), w.Admin(), []directory.PackageID{app}
		narrowed := func(f targeting.FilterID) targeting.Assignment {
			return targeting.Assignment{Kind: targeting.AllUsers, Filter: f, Mode: targeting.Include}
		}
		filter := func(id targeting.FilterID) targeting.Filter {
			rule := must(targeting.ParseRule(targeting.WindowsApps, `(app.deviceModel -eq "Book")`))(t)
			return must(a.Filters().Save(ctx, targeting.Filter{
				ID: id, Tenant: "t1", DisplayName: string(id), Platform: targeting.WindowsApps, ForApps: true, Rule: rule,
			}))(t)
		}
		ours, theirs := filter("ours"), filter("theirs")
		filter("unused")
		must(a.ProtectionPolicies().Save(ctx, protects("T_p", apps, narrowed("ours"), narrowed("gone"))))(t)
		configured := must(a.Configurations().Save(ctx, configuration.Policy{
			ID: "A_c", Tenant: "t1", DisplayName: "c", Apps: apps, Assignments: []targeting.Assignment{narrowed("theirs")},
			Settings: []configuration.Setting{{Name: "color", Value: "blue"}},
		}))(t)
		must(a.Configurations().Save(ctx, configuration.Policy{ID: "A_d", Tenant: "t1", DisplayName: "d", Apps: apps[:0], Assignments: []targeting.Assignment{everybody()}}))(t)

		facts := must(w.Gate().Facts(ctx, request("t1")))(t)
		wantEqual(t, facts.Dossier.Demands.Filters, map[targeting.FilterID]targeting.Filter{"ours": ours})
		d := must(w.MAM().Dossier(ctx, "t1", "reg"))(t)
		wantEqual(t, d.Configurations, []configuration.Policy{configured})
		wantEqual(t, d.Demands.Filters, map[targeting.FilterID]targeting.Filter{"ours": ours, "theirs": theirs})
		wantEqual(t, d.Sites, []string{"t1.sites.example"})
		wantEqual(t, d.Registration, must(w.MAM().Registration(ctx, "t1", "reg"))(t))
		wantEqual(t, len(must(w.MAM().Dossier(ctx, "t2", "reg"))(t).Configurations), 0)

		ok(t, a.Configurations().Delete(ctx, "t1", "A_c"))
		ok(t, a.Filters().Delete(ctx, "t1", "ours"))
		site := must(a.Apps().Get(ctx, "t1", "client"))(t)
		site.Site = nil
		must(a.Apps().Save(ctx, site))(t)
		d = must(w.MAM().Dossier(ctx, "t1", "reg"))(t)
		wantEqual(t, []int{len(d.Configurations), len(d.Demands.Filters), len(d.Sites)}, []int{0, 0, 0})
	})
}

func TestPoliciesOfAnOlderDatabaseAreFound(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(w.Admin().ProtectionPolicies().Save(t.Context(), protects("a", []directory.PackageID{app}, everybody())))(t)
		must(w.Admin().Configurations().Save(t.Context(), configuration.Policy{
			ID: "A_c", Tenant: "t1", Apps: []directory.PackageID{app}, Assignments: []targeting.Assignment{everybody()},
		}))(t)
		w.run(t, "DELETE FROM targets")
		w.wantAsked(t)
		w.reopen(t)
		w.wantAsked(t) // it was filled once, and is kept from then on
		w.run(t, "UPDATE counters SET value = 0 WHERE name = 'targets'")
		w.reopen(t)
		w.wantAsked(t, "a")
		wantEqual(t, len(must(w.MAM().Dossier(t.Context(), "t1", "reg"))(t).Configurations), 1)
	})
}

// run changes the database behind the store's back.
func (w *world) run(t testing.TB, statement string) {
	t.Helper()
	driver, name := "sqlite", w.options.Path
	if w.options.DatabaseURL != "" {
		driver, name = "pgx", w.options.DatabaseURL
	}
	db, err := sql.Open(driver, name)
	ok(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	ok(t, err)
	ok(t, db.Close())
}
