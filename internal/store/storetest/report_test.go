package storetest_test

import (
	"fmt"
	"testing"

	"github.com/postern-mam/postern/internal/configuration"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/report"
)

// reported is an installation of "anna" that should apply two policies.
func (w *world) reported(t *testing.T, id directory.RegistrationID, app directory.PackageID) {
	t.Helper()
	r := registration("t1", id)
	r.App = app
	r.Intended = mam.Delivery{ETag: "e", Policies: []mam.AppliedPolicy{{ID: "A_1", Revision: 1}, {ID: "T_1", Revision: 2}, {ID: "T_gone", Revision: 3}}, ScopeTags: []string{"7"}}
	r.Applied, r.AppliedETag = mam.Delivery{ETag: "e", Policies: r.Intended.Policies[:1]}, "e"
	ok(t, w.MAM().Save(t.Context(), mam.Change{Registration: r}))
}

func TestInstallationsAreReportedWithNamesOfUsersAndPolicies(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		must(a.ProtectionPolicies().Save(ctx, protection.Policy{ID: "T_1", Tenant: "t1", DisplayName: "Protect"}))(t)
		must(a.Configurations().Save(ctx, configuration.Policy{ID: "A_1", Tenant: "t1", DisplayName: "Configure"}))(t)
		must(a.ProtectionPolicies().Save(ctx, protection.Policy{ID: "T_gone", Tenant: "t2", DisplayName: "of another tenant"}))(t)
		w.reported(t, "second", "app2")
		found := must(w.Reports().Installations(ctx, "t1", report.Query{After: "reg", Limit: 10}))(t)
		if len(found) != 1 {
			t.Fatalf("%d found", len(found))
		}
		i := found[0]
		wantEqual(t, i.Registration, directory.RegistrationID("second"))
		wantEqual(t, i.User.UserPrincipalName, "Anna@Example")
		wantEqual(t, i.Intended, []report.Policy{{ID: "A_1", Name: "Configure", Revision: 1}, {ID: "T_1", Name: "Protect", Revision: 2}, {ID: "T_gone", Revision: 3}})
		wantEqual(t, i.Applied, []report.Policy{{ID: "A_1", Name: "Configure", Revision: 1}})
		wantEqual(t, []any{i.UpToDate, i.ScopeTags, i.DeviceName}, []any{true, []string{"7"}, "PC"})
		wantEqual(t, len(must(w.Reports().Installations(ctx, "t1", report.Query{User: "nobody", Limit: 10}))(t)), 0)
		wantEqual(t, len(must(w.Reports().Installations(ctx, "t1", report.Query{App: "app2", Limit: 10}))(t)), 1)
		wantEqual(t, len(must(w.Reports().Installations(ctx, "t2", report.Query{Limit: 10}))(t)), 1)
	})
}

func TestAReportIsWrittenFromTheStoreWhole(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range 405 { // more than two batches
			w.reported(t, directory.RegistrationID(fmt.Sprintf("x%03d", i)), directory.PackageID(fmt.Sprintf("app%03d", i)))
		}
		w.ordered(t, "t1", "wipe", nil)
		w.ordered(t, "t1", "asked", func(o *mam.Operation) { o.Kind = mam.Diagnostics })
		w.ordered(t, "t2", "foreign", nil)
		room := must(report.New(report.Config{Store: w.Reports()}))(t)
		for name, want := range map[report.Name]int{report.ProtectionStatus: 406, report.ConfigurationStatus: 406, report.SelectiveWipes: 1} {
			rows := 0
			ok(t, room.Write(t.Context(), "t1", name, report.Query{}, func(row []string) error {
				rows++
				wantEqual(t, len(row), len(report.Columns(name)))
				return nil
			}))
			wantEqual(t, rows, want)
		}
	})
}

func TestThePersonOfAReportHasAllGroups(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.Admin()
		for _, id := range []directory.GroupID{"inner", "outer"} {
			must(a.Groups().Save(ctx, directory.Group{ID: id, Tenant: "t1", DisplayName: string(id)}))(t)
		}
		ok(t, a.AddMember(ctx, "t1", "inner", user("anna")))
		ok(t, a.AddMember(ctx, "t1", "outer", group("inner")))
		anna, groups, err := w.Reports().Person(ctx, "t1", "anna")
		ok(t, err)
		wantEqual(t, []any{anna.UserPrincipalName, len(groups), groups[0].DisplayName, groups[1].DisplayName}, []any{"Anna@Example", 2, "inner", "outer"})
		_, groups, err = w.Reports().Person(ctx, "t2", "anna")
		ok(t, err)
		wantEqual(t, len(groups), 0)
		_, _, err = w.Reports().Person(ctx, "t1", "nobody")
		wantKind(t, fault.NotFound, err)
		wantEqual(t, must(w.Reports().Tenant(ctx, "t1"))(t).ID, directory.TenantID("t1"))
	})
}
