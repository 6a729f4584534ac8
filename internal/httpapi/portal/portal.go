// Package portal is the door with the pages that help people in: what is
// missing for a site and how to put it right, how to get the agent, and what
// this server is. It decides nothing and keeps nothing: every view asks the
// same evaluator that refused.
package portal

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/page"
	"github.com/postern-mam/postern/internal/httpapi/problem"
)

// maxResource is in bytes; an identifier is far shorter.
const maxResource = 256

// View is what a person is told about one resource.
type View struct {
	Ruling   access.Ruling
	UserName string // the user principal name of who is signed in
	Site     string // the display name of the resource
	Open     string // URL of the resource; empty: not known
}

// Config wires a Handler. Log, Rule and Organization are required.
type Config struct {
	// Issuer is the public base URL without a slash at its end.
	Issuer string
	// Rule decides afresh, for the browser that sent r, on its person reaching
	// resource. Nobody signed in is fault.Unauthenticated, an unknown tenant or
	// resource fault.NotFound.
	Rule func(r *http.Request, t directory.TenantID, resource directory.AppID) (View, error)
	// Organization returns the display name of a tenant, or fault.NotFound.
	Organization func(r *http.Request, t directory.TenantID) (string, error)
	// SignIn returns the URL where a person signs in and then comes back to
	// returnTo, a path of this server. nil: the page says to open the site again.
	SignIn func(t directory.TenantID, returnTo string) string
	Log    *slog.Logger
}

// Handler serves the portal.
type Handler struct{ c Config }

// New returns a Handler, or an error that lists every dependency missing.
func New(c Config) (*Handler, error) {
	missing := func(absent bool, name string) error {
		if absent {
			return errors.New("portal: " + name + " is missing")
		}
		return nil
	}
	err := errors.Join(missing(c.Issuer == "", "Issuer"), missing(c.Rule == nil, "Rule"),
		missing(c.Organization == nil, "Organization"), missing(c.Log == nil, "Log"))
	if err != nil {
		return nil, err
	}
	return &Handler{c}, nil
}

// Mount registers the routes.
func (h *Handler) Mount(mux *http.ServeMux) {
	mux.Handle("GET /{$}", h.handle(h.front))
	mux.Handle("GET /{tenant}/remediation", h.handle(h.remediation)) // ?resource= or ?client_id=
	mux.Handle("GET /{tenant}/remediation/state", h.handle(h.state))
	mux.Handle("GET /{tenant}/install", h.handle(h.install))
}

// handle shows a returned error as a page.
func (h *Handler) handle(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := f(w, r)
		if err == nil {
			return
		}
		status := problem.Status(err)
		level := slog.LevelInfo
		if status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
		h.c.Log.LogAttrs(r.Context(), level, "request failed",
			slog.String("route", r.Pattern), slog.Int("status", status), slog.Any("err", err))
		view := page.Error{Title: "This page can't be shown", Detail: fault.Detail(err)}
		switch {
		case status == http.StatusInternalServerError || status == http.StatusServiceUnavailable:
			view.Detail = "Something on this server does not work at the moment. Try again in a minute; if it stays, tell your help desk."
		case status == http.StatusNotFound:
			view.Detail = "There is nothing at this address. Check it, or open the site you wanted: it sends you to the right place."
		}
		problem.Challenge(w.Header(), err)
		page.WriteError(w, status, view)
	})
}

func (h *Handler) remediation(w http.ResponseWriter, r *http.Request) error {
	tenant, resource := directory.TenantID(r.PathValue("tenant")), resourceOf(r.URL.Query())
	if resource == "" || len(resource) > maxResource {
		return fault.New(fault.Invalid, "this page has to know which site you want. Open that site: it sends you here with what is missing")
	}
	view, err := h.c.Rule(r, tenant, resource)
	if fault.KindOf(err) == fault.Unauthenticated {
		h.askToSignIn(w, r, tenant)
		return nil
	}
	if err != nil {
		return err
	}
	if view.Ruling.Decision.Outcome == access.Granted {
		h.granted(w, r, view)
		return nil
	}
	page.WriteDenied(w, http.StatusOK, page.Denied{
		UserName:      view.UserName,
		Site:          view.Site,
		Code:          view.Ruling.Decision.Code,
		CorrelationID: view.Ruling.Record.CorrelationID,
		At:            view.Ruling.DecidedAt.UTC().Format(time.RFC3339),
		Remedies:      remedies(view.Ruling),
		CheckAgain:    r.URL.RequestURI(),
		Live:          "/" + string(tenant) + "/remediation/state?resource=" + url.QueryEscape(string(resource)),
		State:         page.State(view.Ruling),
	})
	return nil
}

// state tells the script of the remediation page what is decided now.
func (h *Handler) state(w http.ResponseWriter, r *http.Request) error {
	view, err := h.c.Rule(r, directory.TenantID(r.PathValue("tenant")), resourceOf(r.URL.Query()))
	if err != nil {
		return err
	}
	page.WriteState(w, view.Ruling)
	return nil
}

// resourceOf reads which resource is asked about; a client that is a resource
// may be named as a client.
func resourceOf(q url.Values) directory.AppID {
	if id := q.Get("resource"); id != "" {
		return directory.AppID(id)
	}
	return directory.AppID(q.Get("client_id"))
}

// remedies are the ruling's, or the one that follows from a challenge.
func remedies(r access.Ruling) []access.Remedy {
	if len(r.Remedies) > 0 || r.Decision.Outcome != access.Challenge {
		return r.Remedies
	}
	return []access.Remedy{{
		Code:  string(access.MFA),
		Title: "Confirm that it is you",
		Why:   "Your organization asks for a second proof besides your password.",
		Steps: []string{"Open the site again.", "Enter the code from your authenticator app when you are asked for it."},
	}}
}

func (h *Handler) granted(w http.ResponseWriter, r *http.Request, v View) {
	m := page.Message{
		Title: "Everything is in place",
		Text:  "You meet what your organization asks for. You can open " + siteName(v.Site) + " now.",
		Links: []page.Link{{Text: "Check again", URL: r.URL.RequestURI()}},
	}
	if v.Open != "" {
		m.Button = page.Link{Text: "Open " + siteName(v.Site), URL: v.Open}
	}
	page.WriteMessage(w, http.StatusOK, m)
}

func siteName(s string) string {
	if s == "" {
		return "the site"
	}
	return s
}

// askToSignIn answers 403, not 401: a browser has no scheme to answer with.
func (h *Handler) askToSignIn(w http.ResponseWriter, r *http.Request, t directory.TenantID) {
	m := page.Message{
		Title: "Sign in to see what is missing",
		Text:  "What you need depends on who you are and on this device, so this page shows nothing before you sign in.",
	}
	if h.c.SignIn == nil {
		m.Text += "\n\nOpen the site you wanted again and sign in there."
	} else {
		m.Button = page.Link{Text: "Sign in", URL: h.c.SignIn(t, r.URL.RequestURI())}
	}
	page.WriteMessage(w, http.StatusForbidden, m)
}

func (h *Handler) install(w http.ResponseWriter, r *http.Request) error {
	tenant := directory.TenantID(r.PathValue("tenant"))
	name, err := h.c.Organization(r, tenant)
	if err != nil {
		return err
	}
	page.WriteMessage(w, http.StatusOK, installation(name, h.c.Issuer+"/"+string(tenant)))
	return nil
}

func (h *Handler) front(w http.ResponseWriter, _ *http.Request) error {
	page.WriteMessage(w, http.StatusOK, welcome())
	return nil
}
