package admin_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/strength"
)

func (s staff) keys() strength.Strength {
	return strength.Strength{Tenant: s.tenant, DisplayName: "Keys", Combinations: []strength.Methods{strength.FIDO2}}
}

func (s staff) context(id string) strength.Context {
	return strength.Context{ID: id, Tenant: s.tenant, DisplayName: "Payroll"}
}

func (s staff) terms() agreement.Agreement {
	return agreement.Agreement{
		Tenant: s.tenant, DisplayName: "Private PCs", Texts: []agreement.Text{{Language: "en", Name: "terms.txt", Body: "Be careful."}},
	}
}

// policy is a policy that is switched off: one that is refers, too.
func (s staff) policy(name string, grant access.Grant, contexts ...access.ContextID) access.Policy {
	return access.Policy{
		Tenant: s.tenant, DisplayName: name, State: access.Disabled, Grant: grant,
		Conditions: access.Conditions{
			Users: access.Users{All: true}, Apps: access.Apps{All: len(contexts) == 0, Contexts: contexts},
			ClientAppTypes: []access.ClientAppType{access.AllClientApps},
		},
	}
}

func TestBuiltInStrengthsAreAlwaysThereAndNeverChange(t *testing.T) {
	s := newStaff(t)
	for _, b := range strength.BuiltIns() {
		v := must(s.Strengths().Get(s.ctx, s.tenant, string(b.ID)))(t)
		if v.Tenant != s.tenant || !v.BuiltIn {
			t.Errorf("%+v", v)
		}
		v.DisplayName = "Weak"
		v.Combinations = []strength.Methods{strength.Password}
		_, err := s.Strengths().Save(s.ctx, v)
		wantInvalid(t, err, b.DisplayName, "built in")
		wantInvalid(t, s.Strengths().Delete(s.ctx, s.tenant, string(b.ID)), b.DisplayName, "built in")
		v.Revision = 0
		_, err = s.Strengths().Save(s.ctx, v)
		wantInvalid(t, err, string(b.ID), "built-in")
	}
	own := s.keys()
	own.BuiltIn = true
	if own = must(s.Strengths().Save(s.ctx, own))(t); own.BuiltIn || own.ID == "" || own.CreatedAt.IsZero() {
		t.Errorf("%+v", own)
	}
	all := must(s.Strengths().List(s.ctx, s.tenant, admin.Query{}))(t)
	if n := must(s.Strengths().Count(s.ctx, s.tenant))(t); n != 4 || len(all) != 4 || all[0].ID != strength.Multifactor {
		t.Errorf("%d strengths, %v", n, all)
	}
}

func TestAStrengthKeepsItsCreationAndIsJudged(t *testing.T) {
	s := newStaff(t)
	v := must(s.Strengths().Save(s.ctx, s.keys()))(t)
	created := v.CreatedAt
	v.CreatedAt, v.Combinations = time.Time{}, []strength.Methods{strength.Password | strength.SMS}
	if v = must(s.Strengths().Save(s.ctx, v))(t); !v.CreatedAt.Equal(created) || v.ModifiedAt.Before(created) || v.Revision != 2 {
		t.Errorf("%+v", v)
	}
	v.Combinations = []strength.Methods{strength.SMS | strength.Voice}
	_, err := s.Strengths().Save(s.ctx, v)
	wantInvalid(t, err, "allowedCombinations", `"voice,sms"`, `"password,sms"`)
}

func TestWhatAPolicyRefersToStaysAndThePolicyIsNamed(t *testing.T) {
	s := newStaff(t)
	keys := must(s.Strengths().Save(s.ctx, s.keys()))(t)
	payroll := must(s.Contexts().Save(s.ctx, s.context("c7")))(t)
	terms := must(s.Agreements().Save(s.ctx, s.terms()))(t)
	policies := []access.Policy{
		must(s.AccessPolicies().Save(s.ctx, s.policy("Strong", access.Grant{Strength: keys.ID})))(t),
		must(s.AccessPolicies().Save(s.ctx, s.policy("Read first", access.Grant{Terms: []agreement.ID{terms.ID}})))(t),
		must(s.AccessPolicies().Save(s.ctx, s.policy("Pay", access.Grant{Controls: []access.Control{access.MFA}}, access.ContextID(payroll.ID))))(t),
	}
	if uses := must(s.StrengthUses(s.ctx, s.tenant, keys.ID))(t); len(uses) != 1 || uses[0].ID != policies[0].ID {
		t.Errorf("uses: %+v", uses)
	}
	wantInvalid(t, s.Strengths().Delete(s.ctx, s.tenant, string(keys.ID)), `"Keys"`, `"Strong"`)
	wantInvalid(t, s.Agreements().Delete(s.ctx, s.tenant, string(terms.ID)), `"Private PCs"`, `"Read first"`)
	wantInvalid(t, s.Contexts().Delete(s.ctx, s.tenant, payroll.ID), `"c7"`, `"Pay"`)
	for _, p := range policies {
		if err := s.AccessPolicies().Delete(s.ctx, s.tenant, string(p.ID)); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		s.Strengths().Delete(s.ctx, s.tenant, string(keys.ID)), s.Agreements().Delete(s.ctx, s.tenant, string(terms.ID)),
		s.Contexts().Delete(s.ctx, s.tenant, payroll.ID),
	} {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestAPolicyRefersToWhatExists(t *testing.T) {
	s := newStaff(t)
	grant := access.Grant{Strength: "gone", Terms: []agreement.ID{"gone too"}}
	_, err := s.AccessPolicies().Save(s.ctx, s.policy("Strong", grant, "c5"))
	wantInvalid(t, err, `grantControls.authenticationStrength: there is no authentication strength "gone"`, `grantControls.termsOfUse: there is no agreement "gone too"`,
		`includeAuthenticationContextClassReferences: there is no authentication context "c5"`)
	p := must(s.AccessPolicies().Save(s.ctx, s.policy("Strong", access.Grant{Strength: strength.PhishingResistant})))(t)
	p.Grant.Strength = "gone"
	_, err = s.AccessPolicies().Save(s.ctx, p)
	wantInvalid(t, err, `"gone"`)
}

func TestAPublishedContextStays(t *testing.T) {
	s := newStaff(t)
	v := s.context("c99")
	v.Available = true
	v = must(s.Contexts().Save(s.ctx, v))(t)
	wantInvalid(t, s.Contexts().Delete(s.ctx, s.tenant, v.ID), "c99", "isAvailable")
	v.Available = false
	v = must(s.Contexts().Save(s.ctx, v))(t)
	if err := s.Contexts().Delete(s.ctx, s.tenant, v.ID); err != nil {
		t.Error(err)
	}
	_, err := s.Contexts().Save(s.ctx, s.context("c100"))
	wantInvalid(t, err, "c100", "c1 to c99")
}

func TestStrengthsAndContextsComeBackAsTheyWere(t *testing.T) {
	s := newStaff(t)
	id := saved(t, s, s.Strengths(), s.keys(), func(v strength.Strength) string { return string(v.ID) }, func(v *strength.Strength) { v.DisplayName = "new" })
	if v := must(s.Strengths().Restore(s.ctx, s.tenant, id, 1))(t); v.DisplayName != "Keys" || string(v.ID) != id || !slices.Equal(v.Combinations, s.keys().Combinations) {
		t.Errorf("%+v", v)
	}
	id = saved(t, s, s.Contexts(), s.context("c3"), func(v strength.Context) string { return v.ID }, func(v *strength.Context) { v.DisplayName = "new" })
	if v := must(s.Contexts().Restore(s.ctx, s.tenant, id, 1))(t); v.DisplayName != "Payroll" || v.ID != "c3" {
		t.Errorf("%+v", v)
	}
	// Of terms of use the acceptances stay, and versions would be counted anew.
	id = saved(t, s, s.Agreements(), s.terms(), func(v agreement.Agreement) string { return string(v.ID) }, func(v *agreement.Agreement) { v.DisplayName = "new" })
	_, err := s.Agreements().Restore(s.ctx, s.tenant, id, 1)
	wantInvalid(t, err, "agreement", "cannot be restored")
	for _, kind := range []audit.Kind{audit.AuthenticationStrength, audit.AuthenticationContext, audit.Agreement} {
		if n := len(s.recorded(t, kind)); n < 3 {
			t.Errorf("%s: %d entries", kind, n)
		}
	}
}

func TestOnlyWhatTextsSayMakesANewVersion(t *testing.T) {
	s := newStaff(t)
	g := s.terms()
	g.ID, g.Version = "chosen", 7
	g = must(s.Agreements().Save(s.ctx, g))(t)
	if g.ID == "chosen" || g.Version != 1 || !g.Texts[0].Default || g.Texts[0].ID == "" {
		t.Fatalf("%+v", g)
	}
	if other := must(s.Agreements().Save(s.ctx, s.terms()))(t); other.ID == g.ID {
		t.Error("two agreements have one identifier")
	}
	first := g.Texts[0].ID
	for _, step := range []struct {
		name    string
		change  func(g *agreement.Agreement)
		version int64
	}{
		{"renamed", func(g *agreement.Agreement) { g.DisplayName, g.MustView, g.ReacceptFor = "New", true, 240*time.Hour }, 1},
		{"file renamed", func(g *agreement.Agreement) { g.Texts[0].Name = "other.txt" }, 1},
		{"translated", func(g *agreement.Agreement) {
			g.Texts = append(g.Texts, agreement.Text{Language: "de", Name: "de.txt", Body: "Sei vorsichtig."})
		}, 1},
		{"changed", func(g *agreement.Agreement) { g.Texts[0].Body = "Be very careful." }, 2},
		{"taken away", func(g *agreement.Agreement) { g.Texts = g.Texts[:1] }, 3},
		{"claimed", func(g *agreement.Agreement) { g.Version = 1 }, 3},
		{"in another language", func(g *agreement.Agreement) { g.Texts[0].Language = "fr" }, 4},
	} {
		step.change(&g)
		if g = must(s.Agreements().Save(s.ctx, g))(t); g.Version != step.version {
			t.Errorf("%s: version %d, want %d", step.name, g.Version, step.version)
		}
		if (g.Texts[0].ID == first) != (step.version == 1) {
			t.Errorf("%s: the text is called %q, at first it was %q", step.name, g.Texts[0].ID, first)
		}
	}
	g.Texts[0].Body = "%PDF-1.4"
	_, err := s.Agreements().Save(s.ctx, g)
	wantInvalid(t, err, "files[0].fileData.data", "PDF")
}

func TestAcceptancesOutliveTheTerms(t *testing.T) {
	room, kept, b := founded(t)
	s := staff{Service: room, ctx: t.Context(), tenant: b.Tenant}
	signIn, ok := kept.IDP().(interface {
		Accept(ctx context.Context, a agreement.Acceptance) error
	})
	if !ok {
		t.Fatal("sign-in cannot keep acceptances")
	}
	g := must(s.Agreements().Save(s.ctx, s.terms()))(t)
	people := must(s.Users().List(s.ctx, s.tenant, admin.Query{}))(t)
	for _, u := range people {
		if err := signIn.Accept(s.ctx, agreement.Acceptance{Tenant: s.tenant, Agreement: g.ID, Version: g.Version, User: u.ID}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Agreements().Delete(s.ctx, s.tenant, string(g.ID)); err != nil {
		t.Fatal(err)
	}
	found := must(s.Acceptances(s.ctx, s.tenant, g.ID, admin.Query{}))(t)
	if len(found) != len(people) || found[0].UserPrincipalName == "" {
		t.Errorf("%d people accepted, and %+v is left", len(people), found)
	}
	if _, err := s.Agreements().Get(s.ctx, s.tenant, string(g.ID)); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}
