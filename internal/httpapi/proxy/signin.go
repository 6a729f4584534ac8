package proxy

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

const (
	passCookie  = "__Host-postern-pass"
	stateCookie = "__Host-postern-state"

	signInFor = 10 * time.Minute // how long a person may take to sign in
	sealName  = "proxy/sign-in"
)

// pending is a sign-in under way, kept sealed in the browser.
type pending struct {
	State    string
	Verifier string // PKCE
	Host     string
	To       string // where the person wanted to go: a path of this site
	Until    int64  // Unix seconds
}

// signIn sends the browser to the identity provider and remembers, in a sealed
// cookie, where it wanted to go.
func (h *Handler) signIn(w http.ResponseWriter, r *http.Request, site directory.App, to string) error {
	p := pending{
		State: rand.Text(), Verifier: rand.Text() + rand.Text(), Host: site.Site.Host, To: to,
		Until: h.cfg.Now().Add(signInFor).Unix(),
	}
	plain, err := json.Marshal(p)
	if err != nil {
		return err
	}
	sealed, err := h.cfg.Sealer.Seal(sealName, plain)
	if err != nil {
		return err
	}
	setCookie(w, stateCookie, base64.RawURLEncoding.EncodeToString(sealed), signInFor)
	q := url.Values{
		"client_id": {string(site.ID)}, "response_type": {"code"}, "response_mode": {"query"}, "scope": {"openid"},
		"redirect_uri": {oauth.SiteCallback(h.cfg.Issuer, site.Site.Host)}, "state": {p.State},
		"code_challenge": {oauth.SHA256(p.Verifier)}, "code_challenge_method": {"S256"},
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, oauth.EndpointsOf(h.cfg.Issuer, site.Tenant).Authorize+"?"+q.Encode(), http.StatusSeeOther)
	return nil
}

// callback takes the code that the browser brings back and gives it a pass.
func (h *Handler) callback(w http.ResponseWriter, r *http.Request, site directory.App) error {
	p, err := h.pending(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	switch {
	case p.Host != site.Site.Host || subtle.ConstantTimeCompare([]byte(p.State), []byte(q.Get("state"))) != 1:
		return fault.New(fault.Invalid, "this sign-in was started elsewhere; open the site again")
	case q.Get("iss") != oauth.EndpointsOf(h.cfg.Issuer, site.Tenant).Issuer:
		return fault.New(fault.Invalid, "this answer comes from another identity provider; open the site again")
	case q.Get("error") != "":
		setCookie(w, stateCookie, "", -1)
		return fault.New(fault.Forbidden, "the sign-in ended without access (%s)", word(q.Get("error")))
	}
	cookie, until, err := h.cfg.Tunnel.Enter(r.Context(), oauth.Redemption{
		Tenant: site.Tenant, Client: site.ID, Code: q.Get("code"), Verifier: p.Verifier,
		RedirectURI: oauth.SiteCallback(h.cfg.Issuer, site.Site.Host),
	})
	if err != nil {
		return fault.Wrap(fault.Forbidden, err, "this sign-in cannot be used any more; open the site again")
	}
	setCookie(w, stateCookie, "", -1)
	setCookie(w, passCookie, cookie, until.Sub(h.cfg.Now()))
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, local(p.To), http.StatusSeeOther)
	return nil
}

func (h *Handler) pending(r *http.Request) (p pending, err error) {
	stale := fault.New(fault.Invalid, "this sign-in is unknown or took too long; open the site again")
	c, err := r.Cookie(stateCookie)
	if err != nil {
		return p, stale
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return p, stale
	}
	plain, err := h.cfg.Sealer.Open(sealName, sealed)
	if err != nil || json.Unmarshal(plain, &p) != nil || h.cfg.Now().Unix() > p.Until {
		return pending{}, stale
	}
	return p, nil
}

// signOut forgets the pass at this site and sends the browser to where the
// sign-in itself is ended: with that alive, the next click would be signed in again.
func (h *Handler) signOut(w http.ResponseWriter, r *http.Request, site directory.App) error {
	if from := r.Header.Get("Sec-Fetch-Site"); from == "cross-site" || from == "same-site" {
		return fault.New(fault.Forbidden, "another site may not sign you out")
	}
	if c, err := r.Cookie(passCookie); err == nil {
		if err := h.cfg.Tunnel.Leave(r.Context(), c.Value); err != nil {
			return err
		}
	}
	setCookie(w, passCookie, "", -1)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, oauth.EndpointsOf(h.cfg.Issuer, site.Tenant).Logout, http.StatusSeeOther)
	return nil
}

// setCookie sets a cookie for this host alone; a lifetime below zero removes it.
func setCookie(w http.ResponseWriter, name, value string, lives time.Duration) {
	age := int(lives / time.Second)
	if lives < 0 {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// local keeps a path on this site and turns everything else, such as another
// origin in disguise, into the front page.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n") {
		return "/"
	}
	if strings.HasPrefix(path.Clean(u.Path)+"/", ownPath) {
		return "/"
	}
	return to
}

// word keeps an error code from outside printable and short.
func word(s string) string {
	const longest = 64
	if len(s) > longest {
		s = s[:longest]
	}
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, s)
}
