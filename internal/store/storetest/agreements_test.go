package storetest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/strength"
)

func TestStrengths(t *testing.T) {
	laws(t, strength.Strength{ID: "s", Tenant: "t1", DisplayName: "Keys", Combinations: []strength.Methods{strength.FIDO2, strength.Password | strength.SMS}, CreatedAt: now, ModifiedAt: now},
		func(w *world) admin.Objects[strength.Strength] { return w.Admin().Strengths() },
		kind[strength.Strength]{
			id: func(v strength.Strength) string { return string(v.ID) }, name: func(strength.Strength) string { return "KEYS" },
			with: func(v strength.Strength, r int64) strength.Strength { v.Revision = r; return v },
			edit: func(v strength.Strength) strength.Strength { v.Description = "new"; return v }, config: true,
		})
}

func TestContexts(t *testing.T) {
	laws(t, strength.Context{ID: "c7", Tenant: "t1", DisplayName: "Payroll", Available: true, CreatedAt: now, ModifiedAt: now},
		func(w *world) admin.Objects[strength.Context] { return w.Admin().Contexts() },
		kind[strength.Context]{
			id: func(v strength.Context) string { return v.ID }, name: func(strength.Context) string { return "payroll" },
			with: func(v strength.Context, r int64) strength.Context { v.Revision = r; return v },
			edit: func(v strength.Context) strength.Context { v.Available = false; return v }, config: true,
		})
}

func terms(t directory.TenantID, id agreement.ID) agreement.Agreement {
	return agreement.Agreement{
		ID: id, Tenant: t, DisplayName: "Private PCs", Version: 1, ReacceptFor: 24 * time.Hour, ExpiresFrom: now.Add(240 * time.Hour),
		Texts: []agreement.Text{{ID: "en", Language: "en", Name: "terms.txt", Default: true, Body: "Be careful.\n"}}, CreatedAt: now, ModifiedAt: now,
	}
}

func TestAgreements(t *testing.T) {
	laws(t, terms("t1", "terms"), func(w *world) admin.Objects[agreement.Agreement] { return w.Admin().Agreements() },
		kind[agreement.Agreement]{
			id: func(v agreement.Agreement) string { return string(v.ID) }, name: func(agreement.Agreement) string { return "private pcs" },
			with: func(v agreement.Agreement, r int64) agreement.Agreement { v.Revision = r; return v },
			edit: func(v agreement.Agreement) agreement.Agreement { v.PerDevice = true; return v }, config: true,
		})
}

func TestSignInSeesEveryStrengthAndAgreementOfItsTenantAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(w.Admin().Strengths().Save(ctx, strength.Strength{ID: "own", Tenant: "t1"}))(t)
		must(w.Admin().Agreements().Save(ctx, terms("t1", "terms")))(t)
		for tenant, want := range map[directory.TenantID]int{"t1": 1, "t2": 0} {
			if all := must(w.agreed(t).Strengths(ctx, tenant))(t); len(all) != 3+want || all[0].ID != strength.Multifactor {
				t.Errorf("%s has the strengths %v", tenant, all)
			}
			if all := must(w.agreed(t).Agreements(ctx, tenant))(t); len(all) != want {
				t.Errorf("%s has the agreements %v", tenant, all)
			}
		}
	})
}

// agreed is what sign-in reads and writes of agreements and strengths.
type agreed interface {
	Strengths(ctx context.Context, t directory.TenantID) ([]strength.Strength, error)
	Agreements(ctx context.Context, t directory.TenantID) ([]agreement.Agreement, error)
	Acceptances(ctx context.Context, t directory.TenantID, u directory.UserID) ([]agreement.Acceptance, error)
	Accept(ctx context.Context, a agreement.Acceptance) error
}

func (w *world) agreed(t testing.TB) agreed {
	t.Helper()
	v, ok := w.IDP().(agreed)
	if !ok {
		t.Fatal("sign-in cannot keep acceptances")
	}
	return v
}

func accepted(u directory.UserID, device directory.DeviceID, at time.Time) agreement.Acceptance {
	return agreement.Acceptance{Tenant: "t1", Agreement: "terms", Version: 1, User: u, Device: device, AcceptedAt: at}
}

func TestAnAcceptanceIsEvidenceAndMovesTheUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(w.Admin().Agreements().Save(ctx, terms("t1", "terms")))(t)
		user := func() int64 { return must(w.Admin().Users().Get(ctx, "t1", "anna"))(t).Revision }
		before := user()
		ok(t, w.agreed(t).Accept(ctx, accepted("anna", "pc", now)))
		if user() != before+1 {
			t.Error("the user did not move: what was decided before could still be carried out")
		}
		ok(t, w.agreed(t).Accept(ctx, accepted("anna", "pc", now.Add(time.Hour)))) // sent twice
		if user() != before+1 {
			t.Error("an acceptance that adds nothing moves the user")
		}
		ok(t, w.agreed(t).Accept(ctx, accepted("anna", "laptop", now)))
		ok(t, w.agreed(t).Accept(ctx, accepted("anna", "pc", now.Add(25*time.Hour)))) // the first has ended

		found := must(w.agreed(t).Acceptances(ctx, "t1", "anna"))(t)
		if len(found) != 3 || !found[0].AcceptedAt.Equal(now.Add(25*time.Hour)) || found[0].ID == found[1].ID {
			t.Fatalf("%+v", found)
		}
		i := slices.IndexFunc(found, func(a agreement.Acceptance) bool { return a.Device == "pc" && a.AcceptedAt.Equal(now) })
		first := found[i]
		if first.UserName != "Anna" || first.UserPrincipalName != "Anna@Example" || first.DeviceName != "PC" || first.DevicePlatform != "windows" || first.DeviceOSVersion != "10.0.22631.1" {
			t.Errorf("%+v", first)
		}
		entries := must(w.Admin().Entries(ctx, "t1", admin.EntryQuery{Kinds: []audit.Kind{audit.Agreement}, Target: "terms"}))(t)
		if len(entries) != 3 || entries[0].Actor.User != "anna" || entries[0].Actor.Name != "Anna@Example" || entries[0].Operation != audit.Action || entries[0].Name != "Private PCs" {
			t.Errorf("on record: %+v", entries)
		}
		wantEqual(t, len(must(w.agreed(t).Acceptances(ctx, "t2", "anna"))(t)), 0)
		must(w.Admin().Agreements().Save(ctx, terms("t2", "terms")))(t)
		stranger := accepted("anna", "pc", now)
		stranger.Tenant = "t2"
		ok(t, w.agreed(t).Accept(ctx, stranger))
		wantEqual(t, len(must(w.agreed(t).Acceptances(ctx, "t1", "anna"))(t)), 3)

		ok(t, w.Admin().Agreements().Delete(ctx, "t1", "terms"))
		ok(t, w.Admin().Devices().Delete(ctx, "t1", "pc"))
		ok(t, w.Admin().Users().Delete(ctx, "t1", "anna"))
		wantEqual(t, len(must(w.Admin().Acceptances(ctx, "t1", "terms", admin.Query{}))(t)), 3)
		page := must(w.Admin().Acceptances(ctx, "t1", "terms", admin.Query{Limit: 2}))(t)
		rest := must(w.Admin().Acceptances(ctx, "t1", "terms", admin.Query{After: page[1].ID, Limit: 2}))(t)
		if len(page) != 2 || len(rest) != 1 || page[0].ID >= page[1].ID || page[1].ID >= rest[0].ID {
			t.Errorf("pages %+v and %+v", page, rest)
		}
		wantEqual(t, len(must(w.Admin().Acceptances(ctx, "t2", "terms", admin.Query{}))(t)), 1)
		wantEqual(t, len(must(w.Admin().Acceptances(ctx, "t1", "", admin.Query{}))(t)), 3)
		wantEqual(t, len(must(w.Admin().Acceptances(ctx, "t1", "other", admin.Query{}))(t)), 0)
	})
}

func TestWhatIsNoAcceptanceIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		g := terms("t1", "terms")
		g.Version, g.PerDevice = 2, true
		must(w.Admin().Agreements().Save(ctx, g))(t)
		for name, test := range map[string]struct {
			spoil func(a *agreement.Acceptance)
			want  fault.Kind
		}{
			"an older version":    {func(a *agreement.Acceptance) { a.Version = 1 }, fault.Conflict},
			"an unknown device":   {func(a *agreement.Acceptance) { a.Device = "" }, fault.Invalid},
			"nobody":              {func(a *agreement.Acceptance) { a.User = "nobody" }, fault.NotFound},
			"other terms":         {func(a *agreement.Acceptance) { a.Agreement = "other" }, fault.NotFound},
			"terms of a stranger": {func(a *agreement.Acceptance) { a.Tenant = "t2" }, fault.NotFound},
		} {
			a := accepted("anna", "pc", now)
			a.Version = 2
			test.spoil(&a)
			if err := w.agreed(t).Accept(ctx, a); fault.KindOf(err) != test.want || err == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		wantEqual(t, len(must(w.agreed(t).Acceptances(ctx, "t1", "anna"))(t)), 0)
		wantEqual(t, must(w.Admin().Users().Get(ctx, "t1", "anna"))(t).Revision, int64(1))
	})
}

func TestOfManyAcceptancesAtOnceOneIsKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(w.Admin().Agreements().Save(ctx, terms("t1", "terms")))(t)
		for _, err := range race(8, func(int) error { return w.agreed(t).Accept(ctx, accepted("anna", "pc", now)) }) {
			ok(t, err)
		}
		wantEqual(t, len(must(w.agreed(t).Acceptances(ctx, "t1", "anna"))(t)), 1)
	})
}

// Who decided without seeing an acceptance does not carry it out.
func TestADecisionFromBeforeAnAcceptanceIsNotSaved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(w.Admin().Agreements().Save(ctx, terms("t1", "terms")))(t)
		basis := directory.Revisions{Config: w.tenantRevision(t), User: 1, Session: 1}
		ok(t, w.agreed(t).Accept(ctx, accepted("anna", "pc", now)))
		code := idp.AuthorizationCode{Tenant: "t1", Hash: "h", Client: "client", Session: "session", ExpiresAt: now.Add(time.Minute)}
		wantIs(t, idp.ErrMoved, w.IDP().SaveCode(ctx, code, basis, ruling("t1", "r")))
		basis.User = 2
		ok(t, w.IDP().SaveCode(ctx, code, basis, ruling("t1", "r")))
	})
}
