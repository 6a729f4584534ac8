package idp_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
)

// about asks as a client about a token.
func (w *world) about(token, client, secret string) (oauth.Introspected, error) {
	return w.idp.Introspect(w.Context(), idp.Call{Tenant: tenant, Form: url.Values{"token": {token}, "client_id": {client}, "client_secret": {secret}}})
}

func TestATokenIsActiveForAsLongAsEverythingBehindItIs(t *testing.T) {
	for name, end := range map[string]func(*world, *browser){
		"nothing":     func(*world, *browser) {},
		"time":        func(w *world, _ *browser) { w.clock.pass(11 * time.Minute) },
		"the session": func(w *world, b *browser) { w.must(w.idp.Logout(w.Context(), tenant, b.session)) },
		"the account": func(w *world, _ *browser) { w.change(func(u *directory.User) { u.Enabled = false }) },
		"a policy": func(w *world, _ *browser) {
			w.demand("q", func(p *access.Policy) { p.Grant.Controls = []access.Control{access.CompliantDevice} })
		},
		"the client": func(w *world, _ *browser) { w.must(w.store.Admin().Apps().Delete(w.Context(), tenant, "web")) },
		"the user":   func(w *world, _ *browser) { w.must(w.store.Admin().Users().Delete(w.Context(), tenant, string(ada))) },
		"the user, by a group": func(w *world, _ *browser) {
			w.demand("q", func(p *access.Policy) { p.Grant.Controls = []access.Control{access.Block} })
		},
	} {
		w := underPolicy(t, func(p *access.Policy) { p.Grant.Controls, p.State = []access.Control{access.Block}, access.ReportOnly })
		w.app("api", func(a *directory.App) { a.Secrets = []directory.Secret{{ID: "1", Hash: oauth.SHA256("api secret")}} })
		b := &browser{world: w}
		b.start(query("web", cb, "api://files/.default openid offline_access"))
		b.password(password)(idp.Answer)
		tokens, err := w.token(codeForm("web", cb, b.step.Response.Params.Get("code"), "client_secret", webSecret))
		w.must(err)
		end(w, b)
		got, err := w.about(tokens.AccessToken, "api", "api secret")
		if err != nil || got.Active != (name == "nothing") {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if !got.Active && got.Subject+got.UserName+got.Scope != "" {
			t.Errorf("%s: it tells %+v", name, got)
		}
		if name != "nothing" {
			continue
		}
		if got.UserName != "ada@contoso.example" || got.Client != "web" || got.Audience != "api" || got.TokenType != "Bearer" || got.AuthTime == 0 || got.ID == "" {
			t.Errorf("%+v", got)
		}
		for _, token := range []string{tokens.AccessToken, tokens.RefreshToken} { // its own client may ask
			if got, err := w.about(token, "web", webSecret); err != nil || !got.Active {
				t.Errorf("%+v, %v", got, err)
			}
		}
		for _, token := range []string{tokens.RefreshToken, "x", tokens.IDToken, tokens.AccessToken + "x"} { // not the resource's business, or none
			if got, err := w.about(token, "api", "api secret"); err != nil || got.Active {
				t.Errorf("%+v, %v", got, err)
			}
		}
		if got, err := w.about(tokens.AccessToken, "daemon", "old"); err != nil || got.Active {
			t.Errorf("a stranger learns %+v, %v", got, err)
		}
	}
}

func TestOnlyWhoAuthenticatesAsksAboutTokens(t *testing.T) {
	w := open(t)
	_, err := w.about("x", "web", "wrong")
	refused(t, err, oauth.InvalidClient, oauth.NumberBadSecret)
	_, err = w.idp.Introspect(t.Context(), idp.Call{Tenant: tenant, Form: url.Values{"token": {"x"}, "client_id": {string(directory.AgentClient)}}})
	refused(t, err, oauth.InvalidClient, oauth.NumberNoClientAuth)
	_, err = w.idp.Introspect(t.Context(), idp.Call{Tenant: tenant, Form: url.Values{"client_id": {"web"}, "client_secret": {webSecret}}})
	refused(t, err, oauth.InvalidRequest, 0)
	_, err = w.idp.Introspect(t.Context(), idp.Call{Tenant: "another", Form: url.Values{}})
	if err == nil {
		t.Error("a tenant that does not exist answers")
	}
}

func BenchmarkIntrospect(b *testing.B) {
	w := open(b)
	w.app("api", func(a *directory.App) { a.Secrets = []directory.Secret{{ID: "1", Hash: oauth.SHA256("api secret")}} })
	code := w.signIn(query("web", cb, "api://files/.default openid"))
	tokens, err := w.token(codeForm("web", cb, code, "client_secret", webSecret))
	w.must(err)
	b.ReportAllocs()
	for b.Loop() {
		if got, err := w.about(tokens.AccessToken, "api", "api secret"); err != nil || !got.Active {
			b.Fatal(got, err)
		}
	}
}
