// Package proxy is the door of published internal sites: each has its own host
// name, is reached only by people who signed in, and asks anew at every request
// whether they still may.
//
// What the upstream never sees: our cookies, and identity headers that a client
// made up. What a browser never gets: a cookie of ours set by the upstream.
// X-Forwarded-* from outside counts only when a configured proxy sent it.
package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/page"
	"github.com/postern-mam/postern/internal/httpapi/problem"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/tunnel"
	"github.com/postern-mam/postern/wire"
)

// Paths on a site's host that the door itself answers. Nothing below ownPath
// reaches the upstream.
const (
	ownPath     = "/.postern/"
	signInPath  = ownPath + "sign-in"
	signOutPath = ownPath + "sign-out"
	statePath   = ownPath + "state"
)

const (
	maxResponseHeader = 256 << 10 // bytes, of an upstream
	copyBuffer        = 32 << 10
)

// Sealer keeps the state of a sign-in under way in the browser, unreadable and
// unforgeable there. The hall connects it to the key store.
type Sealer interface {
	// Seal encrypts plain; Open is its inverse for the same name.
	Seal(name string, plain []byte) ([]byte, error)
	Open(name string, sealed []byte) ([]byte, error)
}

// Config wires a Handler. TrustedProxies and Now may be zero.
type Config struct {
	Tunnel         *tunnel.Service
	Sealer         Sealer
	Issuer         string         // public base URL of the service, without a slash at its end
	TrustedProxies []netip.Prefix // whose X-Forwarded-For counts
	Log            *slog.Logger
	Now            func() time.Time // zero: time.Now in UTC
}

// Handler serves every published site.
type Handler struct {
	cfg       Config
	transport http.RoundTripper
	errors    *log.Logger
	buffers   buffers
}

// New returns a Handler, or every missing dependency joined.
func New(c Config) (*Handler, error) {
	var errs []error
	for _, d := range []struct {
		absent bool
		name   string
	}{{c.Tunnel == nil, "Tunnel"}, {c.Sealer == nil, "Sealer"}, {c.Issuer == "", "Issuer"}, {c.Log == nil, "Log"}} {
		if d.absent {
			errs = append(errs, errors.New("proxy: "+d.name+" is required"))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = func() time.Time { return time.Now().UTC() }
	}
	// No proxy from the environment: an upstream is where its site says.
	return &Handler{cfg: c, errors: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug), transport: &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  time.Minute,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    32,
		MaxResponseHeaderBytes: maxResponseHeader,
		DisableCompression:     true, // what client and upstream agree on passes as it is
		ForceAttemptHTTP2:      true,
	}}, nil
}

// buffers lends buffers to responses under way.
type buffers struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if buf, ok := b.pool.Get().(*[copyBuffer]byte); ok {
		return buf[:]
	}
	return make([]byte, copyBuffer)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(buf []byte) {
	if len(buf) == copyBuffer {
		b.pool.Put((*[copyBuffer]byte)(buf))
	}
}

// ServeHTTP answers for the site that the request's host names.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := newID()
	if err := h.route(w, r, id); err != nil {
		h.fail(w, r, id, err)
	}
}

// route answers a request; id ties it to the log.
func (h *Handler) route(w http.ResponseWriter, r *http.Request, id string) error {
	own := strings.HasPrefix(path.Clean(r.URL.Path)+"/", ownPath)
	v := tunnel.Visit{
		Host: hostOf(r.Host), UserAgent: r.UserAgent(), IP: ClientIP(r, h.cfg.TrustedProxies), Background: !navigates(r), CorrelationID: id,
	}
	state := r.URL.Path == statePath && r.Method == http.MethodGet
	if c, err := r.Cookie(passCookie); err == nil && (!own || state) {
		v.Cookie = c.Value
	}
	if own && !state {
		site, err := h.cfg.Tunnel.Site(r.Context(), v.Host)
		if err != nil {
			return unpublished(v.Host, err)
		}
		return h.ownRoute(w, r, site)
	}
	a, err := h.cfg.Tunnel.Admit(r.Context(), v)
	switch {
	case err != nil:
		return unpublished(v.Host, err)
	case state:
		page.WriteState(w, a.Ruling)
		return nil
	case a.Granted():
		h.forward(w, r, a, v)
		return nil
	case (a.Pass == nil || ended(a.Ruling.Decision.Code) || a.Ruling.Decision.Outcome == access.Challenge || a.Ruling.Lapsed) && navigates(r):
		return h.signIn(w, r, a.Site, r.URL.RequestURI())
	case a.Pass == nil || ended(a.Ruling.Decision.Code):
		return &problem.Refusal{
			Code: "signInRequired", Steps: []string{"Open " + oauth.SiteOrigin(h.cfg.Issuer, a.Site.Site.Host) + " in the browser and sign in."},
			Err: fault.New(fault.Unauthenticated, "nobody is signed in at this site"),
		}
	}
	return h.refuse(w, r, a)
}

// ownRoute answers what the door itself serves on a site's host.
func (h *Handler) ownRoute(w http.ResponseWriter, r *http.Request, site directory.App) error {
	switch r.URL.Path {
	case oauth.SiteCallbackPath:
		return h.callback(w, r, site)
	case signInPath:
		return h.signIn(w, r, site, local(r.URL.Query().Get("to")))
	case signOutPath:
		return h.signOut(w, r, site)
	}
	return fault.New(fault.NotFound, "there is no such page")
}

// unpublished says it when nothing is published at host, in words that name no
// more than the client did.
func unpublished(host string, err error) error {
	if fault.KindOf(err) == fault.NotFound {
		return fault.New(fault.NotFound, "no site is published at %q", host)
	}
	return err
}

// ended reports whether a fresh sign-in is all that is missing.
func ended(code int) bool { return code == 50173 || code == 70043 }

// errCut says that access ended while a request was under way.
var errCut error = fault.New(fault.Forbidden, "access ended while the site was answering; open the page again to see why")

// forward passes an admitted request on. It is cut when the admission ends.
func (h *Handler) forward(w http.ResponseWriter, r *http.Request, a tunnel.Admission, v tunnel.Visit) {
	upstream, err := url.Parse(a.Site.Site.Upstream)
	if err != nil {
		h.fail(w, r, v.CorrelationID, err)
		return
	}
	if strings.Trim(upstream.Path, "/") != "" && climbs(r.URL.Path) {
		h.fail(w, r, v.CorrelationID, fault.New(fault.Invalid, "the path leads out of what is published here"))
		return
	}
	ctx, cut := context.WithCancelCause(r.Context())
	defer cut(nil)
	release := h.cfg.Tunnel.Track(ctx, a, func() { cut(errCut) })
	defer release()
	if errors.Is(context.Cause(ctx), errCut) { // refused between the decision and now
		h.fail(w, r, v.CorrelationID, errCut)
		return
	}
	(&httputil.ReverseProxy{
		Transport:     h.transport,
		FlushInterval: -1, // a stream must not wait in our buffers
		ErrorLog:      h.errors,
		BufferPool:    &h.buffers,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(upstream)
			h.dress(p.Out, p.In, a, v)
		},
		ModifyResponse: undress,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if errors.Is(context.Cause(ctx), errCut) {
				err = errCut
			} else {
				err = &badGateway{site: a.Site.DisplayName, err: err}
			}
			h.fail(w, r, v.CorrelationID, err)
		},
	}).ServeHTTP(w, r.WithContext(ctx))
}

// refuse tells a person what is missing and a program why.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, a tunnel.Admission) error {
	d, record := a.Ruling.Decision, a.Ruling.Record
	if !navigates(r) {
		refusal := &problem.Refusal{Code: "accessDenied", Err: fault.New(fault.Forbidden, "access to this site is refused now (%d)", d.Code)}
		for _, remedy := range a.Ruling.Remedies {
			refusal.Code = remedy.Code
			refusal.Steps = append(refusal.Steps, remedy.Steps...)
		}
		return refusal
	}
	again := local(r.URL.RequestURI())
	if record.Device == "" || ended(d.Code) || d.Outcome == access.Challenge {
		// Nothing proved itself in this session: the sign-in page can ask for it.
		again = signInPath + "?to=" + url.QueryEscape(again)
	}
	page.WriteDenied(w, http.StatusForbidden, page.Denied{
		UserName: a.Pass.UserName, Site: a.Site.DisplayName, Code: d.Code, CorrelationID: record.CorrelationID,
		At: a.Ruling.DecidedAt.Format(time.RFC3339), Remedies: a.Ruling.Remedies, CheckAgain: again,
		Targets: []string{h.cfg.Issuer}, Live: statePath, State: page.State(a.Ruling),
	})
	return nil
}

// badGateway is an upstream that does not answer as it should.
type badGateway struct {
	site string
	err  error
}

// Error names the cause, for the log.
func (b *badGateway) Error() string { return "upstream of " + b.site + ": " + b.err.Error() }

// Unwrap returns the cause.
func (b *badGateway) Unwrap() error { return b.err }

func (h *Handler) fail(w http.ResponseWriter, r *http.Request, id string, err error) {
	bad, gateway := errors.AsType[*badGateway](err)
	if !navigates(r) && !gateway {
		problem.Write(w, r, h.cfg.Log, err)
		return
	}
	status, title, detail := problem.Status(err), "This page cannot be shown", fault.Detail(err)
	if gateway {
		status, title = http.StatusBadGateway, bad.site+" does not answer"
		detail = "The site behind this address is not there right now. Try again later, or tell your help desk."
	}
	h.cfg.Log.LogAttrs(r.Context(), slog.LevelInfo, "site request failed",
		slog.Int("status", status), slog.String("correlation", id), slog.Any("err", err))
	if navigates(r) {
		page.WriteError(w, status, page.Error{Title: title, Detail: detail, CorrelationID: id})
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(wire.Problem{Title: title, Status: status, Detail: detail, Code: "siteUnavailable"}) // the client is gone; nothing to do
}

// navigates reports whether a person is looking at the answer: a page load, not
// a script's request or a form.
func navigates(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
