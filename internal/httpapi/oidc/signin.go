package oidc

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/page"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
)

// Cookie names. The prefix binds them to this host, to https and to the whole
// path (RFC 6265bis section 4.1.3.2); the tenant keeps them apart.
const (
	sessionCookie = "__Host-postern-session-"
	flowCookie    = "__Host-postern-flow-"
)

// visit is the browser's request as the room reads it.
func (d *Door) visit(q *request) idp.Visit {
	v := idp.Visit{
		Tenant: q.tenant, UserAgent: q.UserAgent(), IP: d.clientIP(q.Request), CorrelationID: q.correlation,
		Session: cookie(q, sessionCookie), Browser: cookie(q, flowCookie),
	}
	if q.Method == http.MethodPost {
		v.Flow = q.PostForm.Get("flow")
	} else {
		v.Flow = q.URL.Query().Get("flow")
	}
	return v
}

// SessionCookie returns the value of the cookie by which a browser is signed in
// at a tenant, or "". idp.Service.SignedIn judges it.
func SessionCookie(r *http.Request, t directory.TenantID) string {
	return cookie(&request{Request: r, tenant: t}, sessionCookie)
}

func cookie(q *request, prefix string) string {
	c, err := q.Cookie(prefix + string(q.tenant))
	if err != nil {
		return ""
	}
	return c.Value
}

func (d *Door) authorize(w http.ResponseWriter, q *request) error {
	params, err := url.ParseQuery(q.URL.RawQuery)
	if err != nil || len(q.URL.RawQuery) > maxBody {
		return fault.New(fault.Invalid, "the query is not valid")
	}
	if q.Method == http.MethodPost {
		if err := q.parse(); err != nil {
			return err
		}
		params = q.PostForm
	}
	st, err := d.service.Authorize(q.Context(), d.visit(q), params)
	return d.write(w, q, st, err)
}

func (d *Door) resume(w http.ResponseWriter, q *request) error {
	st, err := d.service.Resume(q.Context(), d.visit(q))
	return d.write(w, q, st, err)
}

// state tells the script of a refusal what is decided now. It takes the sign-in
// no step further.
func (d *Door) state(w http.ResponseWriter, q *request) error {
	ruling, err := d.service.Facing(q.Context(), d.visit(q))
	if err != nil {
		return err
	}
	page.WriteState(w, ruling)
	return nil
}

func (d *Door) password(w http.ResponseWriter, q *request) error {
	st, err := d.service.Password(q.Context(), d.visit(q), q.PostForm.Get("username"), q.PostForm.Get("password"))
	return d.write(w, q, st, err)
}

func (d *Door) newPassword(w http.ResponseWriter, q *request) error {
	st, err := d.service.NewPassword(q.Context(), d.visit(q), q.PostForm.Get("new_password"))
	return d.write(w, q, st, err)
}

func (d *Door) secondFactor(w http.ResponseWriter, q *request) error {
	st, err := d.service.SecondFactor(q.Context(), d.visit(q), q.PostForm.Get("code"))
	return d.write(w, q, st, err)
}

func (d *Door) registerFactor(w http.ResponseWriter, q *request) error {
	st, err := d.service.RegisterFactor(q.Context(), d.visit(q), q.PostForm.Get("code"))
	return d.write(w, q, st, err)
}

// terms takes the answer to terms of use: to open a text, to accept what was
// shown, or to decline.
func (d *Door) terms(w http.ResponseWriter, q *request) error {
	var st idp.Step
	var err error
	switch view := q.PostForm.Get("view"); {
	case view != "":
		st, err = d.service.View(q.Context(), d.visit(q), view)
	case q.PostForm.Get("decision") == "accept":
		st, err = d.service.Accept(q.Context(), d.visit(q), q.PostForm["agreement"])
	default:
		st, err = d.service.Decline(q.Context(), d.visit(q))
	}
	return d.write(w, q, st, err)
}

func (d *Door) deviceProof(w http.ResponseWriter, q *request) error {
	st, err := d.service.ProveDevice(q.Context(), d.visit(q), q.PostForm.Get("proof"))
	return d.write(w, q, st, err)
}

// askUserCode shows where the code of a device is typed. An address may fill it
// in, and never sends it.
func (d *Door) askUserCode(w http.ResponseWriter, q *request) error {
	st, err := d.service.TypeUserCode(q.Context(), d.visit(q), "")
	return d.write(w, q, st, err)
}

func (d *Door) userCode(w http.ResponseWriter, q *request) error {
	st, err := d.service.TypeUserCode(q.Context(), d.visit(q), q.PostForm.Get("user_code"))
	return d.write(w, q, st, err)
}

func (d *Door) deviceAnswer(w http.ResponseWriter, q *request) error {
	st, err := d.service.AnswerDevice(q.Context(), d.visit(q), q.PostForm.Get("decision") == "approve")
	return d.write(w, q, st, err)
}

// logout ends the browser's session. Another site may link here; its link alone
// must not sign anyone out, so the person is asked first.
func (d *Door) logout(w http.ResponseWriter, q *request) error {
	at := oauth.EndpointsOf(d.base, q.tenant)
	if site := q.Header.Get("Sec-Fetch-Site"); site == "cross-site" || site == "same-site" {
		page.WriteMessage(w, http.StatusOK, page.Message{
			Title: "Sign out?", Text: "Another site asks to sign you out.", Button: page.Link{Text: "Sign out", URL: at.Logout},
		})
		return nil
	}
	if err := d.service.Logout(q.Context(), q.tenant, cookie(q, sessionCookie)); err != nil {
		return err
	}
	d.setCookie(w, q, sessionCookie, "", time.Unix(1, 0))
	page.WriteSignedOut(w, http.StatusOK, page.SignedOut{})
	return nil
}

// setCookie sets a cookie for this host alone; a zero expires lasts as long as
// the browser.
func (d *Door) setCookie(w http.ResponseWriter, q *request, prefix, value string, expires time.Time) {
	http.SetCookie(w, &http.Cookie{
		Name: prefix + string(q.tenant), Value: value, Path: "/", Expires: expires,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// write renders a step.
func (d *Door) write(w http.ResponseWriter, q *request, st idp.Step, err error) error {
	if err != nil {
		return err
	}
	if st.SetBrowser != "" && st.Kind != idp.Answer {
		d.setCookie(w, q, flowCookie, st.SetBrowser, time.Time{})
	}
	if st.SetSession != "" {
		d.setCookie(w, q, sessionCookie, st.SetSession, st.SessionExpiresAt)
	}
	if st.Kind == idp.Answer {
		return answer(w, q, st.Response)
	}
	d.show(w, q, st)
	return nil
}

// answer sends the browser back to the client: by a form, or by a redirect that
// turns a post into a get (RFC 9700 section 4.12).
func answer(w http.ResponseWriter, q *request, r oauth.Response) error {
	if r.Mode == oauth.FormPost {
		v := page.FormPost{URI: r.RedirectURI}
		for name, values := range r.Params {
			v.Params = append(v.Params, page.Param{Name: name, Value: values[0]})
		}
		slices.SortFunc(v.Params, func(a, b page.Param) int { return strings.Compare(a.Name, b.Name) })
		page.WriteFormPost(w, http.StatusOK, v)
		return nil
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", r.Location())
	status := http.StatusFound
	if q.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	w.WriteHeader(status)
	return nil
}

// show renders a step that is a page.
func (d *Door) show(w http.ResponseWriter, q *request, st idp.Step) {
	root := oauth.EndpointsOf(d.base, q.tenant).Authority + "/oauth2/v2.0/"
	to := []string{st.Redirect}
	status := http.StatusOK
	if st.Problem != "" {
		status = http.StatusUnauthorized
	}
	switch st.Kind {
	case idp.AskPassword:
		page.WriteSignIn(w, status, page.SignIn{Action: root + "password", Flow: st.Flow, UserName: st.UserName,
			Error: st.Problem, Organization: st.Organization, Targets: to})
	case idp.AskNewPassword:
		page.WriteNewPassword(w, status, page.NewPassword{Action: root + "newpassword", Flow: st.Flow, UserName: st.UserName,
			Error: st.Problem, Rules: st.Rules, Organization: st.Organization, Targets: to})
	case idp.AskCode:
		page.WriteSecondFactor(w, status, page.SecondFactor{Action: root + "secondfactor", Flow: st.Flow, UserName: st.UserName,
			Error: st.Problem, Organization: st.Organization, Targets: to})
	case idp.RegisterFactor:
		page.WriteRegisterFactor(w, status, page.RegisterFactor{Action: root + "registerfactor", Flow: st.Flow, UserName: st.UserName,
			Secret: st.Factor.Secret, URI: st.Factor.URI, Error: st.Problem, Organization: st.Organization, Targets: to})
	case idp.AskTerms:
		page.WriteTerms(w, status, page.Terms{Action: root + "terms", Flow: st.Flow, UserName: st.UserName, Site: st.Site,
			Agreements: texts(st, q.Header.Get("Accept-Language")), Problem: st.Problem, Organization: st.Organization, Targets: to})
	case idp.AskUserCode:
		page.WriteUserCode(w, status, page.UserCode{Action: root + "device", Organization: st.Organization, Error: st.Problem,
			Code: oauth.ShowUserCode(oauth.UserCode(q.URL.Query().Get("user_code")))})
	case idp.AskDevice:
		page.WriteDevice(w, status, page.Device{Action: root + "deviceanswer", Flow: st.Flow, UserName: st.UserName, Client: st.Client,
			Organization: st.Organization})
	case idp.DeviceDone:
		done := page.Message{Title: "Your device is signed in", Text: "You can close this page and go on there.", Organization: st.Organization}
		if st.Problem != "" {
			done.Title, done.Text = "Your device is not signed in", "You declined. Nothing was given away, and you can close this page."
		}
		page.WriteMessage(w, http.StatusOK, done)
	case idp.Denied, idp.Answer:
		page.WriteDenied(w, http.StatusForbidden, page.Denied{
			UserName: st.UserName, Site: st.Site, Organization: st.Organization, Code: st.Ruling.Decision.Code, CorrelationID: q.correlation,
			At: d.now().UTC().Format(time.RFC3339), Remedies: st.Ruling.Remedies,
			CheckAgain: root + "resume?flow=" + url.QueryEscape(st.Flow),
			Live:       root + "state?flow=" + url.QueryEscape(st.Flow), State: page.State(st.Ruling),
			Flow: st.Flow, Nonce: st.Nonce, ProofURL: root + "deviceproof", Targets: to,
		})
	}
}

// texts are terms of use in the language that a person reads.
func texts(st idp.Step, languages string) []page.TermsText {
	language, _, _ := strings.Cut(languages, ",")
	language, _, _ = strings.Cut(language, ";")
	var out []page.TermsText
	for _, g := range st.Terms {
		key := idp.TermsKey(g)
		out = append(out, page.TermsText{
			ID: key, Name: g.DisplayName, Body: g.Text(strings.TrimSpace(language)).Body, MustView: g.MustView, Viewed: slices.Contains(st.Viewed, key),
		})
	}
	return out
}

// host is the host of a URL, with its port.
func host(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}
