// Package oidc is the door to signing in: discovery, keys, the authorization and
// token endpoints shaped like Entra's v2.0 ones, the sign-in pages, and sign-out.
//
// The issuer is the configured public URL; the Host header decides nothing.
// Errors of the token endpoint are RFC 6749 section 5.2 with Entra's members;
// errors that a person meets are pages, or redirects once the redirect URI is
// known to be the client's.
package oidc

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/page"
	"github.com/postern-mam/postern/internal/httpapi/problem"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/oauth"
)

const maxBody = 64 << 10

// Config is what the door needs.
type Config struct {
	Service *idp.Service
	Issuer  string // public base URL without a trailing slash
	Log     *slog.Logger
	Now     func() time.Time
	// ClientIP names the peer of a request, for the sign-in log and the limit on
	// sign-in posts; nil means the address of the connection.
	ClientIP func(*http.Request) string
}

// Door serves the endpoints.
type Door struct {
	service  *idp.Service
	base     string
	log      *slog.Logger
	now      func() time.Time
	clientIP func(*http.Request) string
	posts    *limiter
	starts   *limiter
	origins  *http.CrossOriginProtection
}

// New returns the door, or an error that names everything missing from c.
func New(c Config) (*Door, error) {
	var missing []error
	for _, need := range []struct {
		ok   bool
		what string
	}{{c.Service != nil, "Service"}, {c.Issuer != "", "Issuer"}, {c.Log != nil, "Log"}, {c.Now != nil, "Now"}} {
		if !need.ok {
			missing = append(missing, fmt.Errorf("oidc: Config.%s is missing", need.what))
		}
	}
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	if c.ClientIP == nil {
		c.ClientIP = peer
	}
	return &Door{
		service: c.Service, base: c.Issuer, log: c.Log, now: c.Now, clientIP: c.ClientIP,
		posts: newLimiter(c.Now), starts: newLimiter(c.Now), origins: http.NewCrossOriginProtection(),
	}, nil
}

func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Mount adds the door's routes to mux.
func (d *Door) Mount(mux *http.ServeMux) {
	mux.Handle("GET /{tenant}/v2.0/.well-known/openid-configuration", d.json(d.configuration))
	mux.Handle("GET /{tenant}/discovery/v2.0/keys", d.json(d.keys))
	mux.Handle("POST /{tenant}/oauth2/v2.0/token", d.json(d.token))
	mux.Handle("POST /{tenant}/oauth2/v2.0/introspect", d.json(d.introspect))
	mux.Handle("POST /{tenant}/oauth2/v2.0/devicecode", d.json(d.beginDevice))

	mux.Handle("GET /{tenant}/oauth2/v2.0/deviceproof", d.json(d.challenge))
	mux.Handle("POST /{tenant}/oauth2/v2.0/deviceproof/renew", d.json(d.proveAgain))

	mux.Handle("GET /{tenant}/oauth2/v2.0/authorize", d.page(d.start))
	mux.Handle("POST /{tenant}/oauth2/v2.0/authorize", d.page(d.start))
	mux.Handle("GET /{tenant}/oauth2/v2.0/resume", d.page(d.resume))
	mux.Handle("GET /{tenant}/oauth2/v2.0/state", d.page(d.state))
	mux.Handle("GET /{tenant}/oauth2/v2.0/logout", d.page(d.logout))

	mux.Handle("POST /{tenant}/oauth2/v2.0/resume", d.form(d.resume))
	mux.Handle("POST /{tenant}/oauth2/v2.0/password", d.form(d.password))
	mux.Handle("POST /{tenant}/oauth2/v2.0/newpassword", d.form(d.newPassword))
	mux.Handle("POST /{tenant}/oauth2/v2.0/secondfactor", d.form(d.secondFactor))
	mux.Handle("POST /{tenant}/oauth2/v2.0/registerfactor", d.form(d.registerFactor))
	mux.Handle("POST /{tenant}/oauth2/v2.0/terms", d.form(d.terms))
	mux.Handle("POST /{tenant}/oauth2/v2.0/deviceproof", d.form(d.deviceProof))

	mux.Handle("GET /{tenant}/oauth2/v2.0/device", d.page(d.askUserCode))
	mux.Handle("POST /{tenant}/oauth2/v2.0/device", d.form(d.userCode))
	mux.Handle("POST /{tenant}/oauth2/v2.0/deviceanswer", d.form(d.deviceAnswer))
}

// request is one request with what every handler needs of it.
type request struct {
	*http.Request
	tenant      directory.TenantID
	correlation string // the client's, or ours
	trace       string // ours
}

type handler func(http.ResponseWriter, *request) error

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// read names the request and refuses authorities that are no tenant's.
func (d *Door) read(w http.ResponseWriter, r *http.Request) (*request, error) {
	q := &request{Request: r, tenant: directory.TenantID(strings.ToLower(r.PathValue("tenant"))), trace: newUUID()}
	q.correlation = newUUID()
	if given := r.Header.Get("client-request-id"); uuid.MatchString(given) {
		q.correlation = given
	}
	h := w.Header()
	h.Set("x-ms-request-id", q.trace)
	if strings.EqualFold(r.Header.Get("return-client-request-id"), "true") {
		h.Set("client-request-id", q.correlation)
	}
	switch q.tenant {
	case "common", "organizations", "consumers":
		return q, oauth.Errorf(oauth.InvalidRequest, oauth.NumberManyTenants,
			"the authority /%s serves no tenant in particular and is not supported; use the tenant's own: %s/{tenantId}", q.tenant, d.base)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	return q, nil
}

// json adapts a handler whose errors are OAuth error bodies.
func (d *Door) json(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, err := d.read(w, r)
		if err == nil {
			err = h(w, q)
		}
		if err != nil {
			d.writeJSONError(w, q, err)
		}
	})
}

// page adapts a handler whose errors are pages.
func (d *Door) page(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, err := d.read(w, r)
		if err == nil {
			err = h(w, q)
		}
		if err != nil {
			d.writePageError(w, q, err)
		}
	})
}

// start is authorize, but not without end: a sign-in under way is stored.
func (d *Door) start(w http.ResponseWriter, q *request) error {
	if !d.starts.allow(d.clientIP(q.Request)) {
		return errFlood()
	}
	return d.authorize(w, q)
}

func errFlood() error {
	return fault.New(fault.Throttled, "too many sign-ins from this address; wait a moment and try again")
}

// form adapts a handler of a form that only our own pages may post, and not
// without end.
func (d *Door) form(h handler) http.Handler {
	return d.page(func(w http.ResponseWriter, q *request) error {
		if err := d.origins.Check(q.Request); err != nil {
			return fault.Wrap(fault.Forbidden, err, "this form was posted by another site")
		}
		if !d.posts.allow(d.clientIP(q.Request)) {
			return errFlood()
		}
		if err := q.parse(); err != nil {
			return err
		}
		return h(w, q)
	})
}

// parse reads a form body; nothing else is a form.
func (q *request) parse() error {
	media, _, _ := strings.Cut(q.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") || q.Header.Get("Content-Encoding") != "" {
		return fault.New(fault.Unsupported, "the body must be application/x-www-form-urlencoded, without Content-Encoding")
	}
	err := q.ParseForm()
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return fault.New(fault.TooLarge, "the body is larger than %d bytes", large.Limit)
	}
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "the form is not valid")
	}
	return nil
}

// asOAuth renders err as an OAuth error with its HTTP status.
func (d *Door) asOAuth(q *request, err error) (*oauth.Error, int) {
	e, status := &oauth.Error{}, http.StatusBadRequest
	if o, ok := errors.AsType[*oauth.Error](err); ok {
		*e = *o
		if e.Code == oauth.InvalidClient {
			status = http.StatusUnauthorized
		}
	} else {
		status = problem.Status(err)
		switch detail := fault.Detail(err); {
		case fault.KindOf(err) == fault.Unavailable || fault.KindOf(err) == fault.Throttled:
			*e = *oauth.Errorf(oauth.TemporarilyUnavailable, 0, "%s", detail)
		case status == http.StatusInternalServerError:
			*e = *oauth.Errorf(oauth.ServerError, 0, "something went wrong here; the correlation identifier finds it in the log")
		default:
			*e = *oauth.Errorf(oauth.InvalidRequest, 0, "%s", detail)
		}
	}
	e.CorrelationID, e.TraceID, e.At = q.correlation, q.trace, d.now()
	return e, status
}

func (d *Door) logRefusal(q *request, status int, err error) {
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	d.log.LogAttrs(q.Context(), level, "request refused", slog.String("route", q.Pattern), slog.Int("status", status),
		slog.String("correlationId", q.correlation), slog.String("traceId", q.trace), slog.Any("err", err))
}

func (d *Door) writePageError(w http.ResponseWriter, q *request, err error) {
	e, status := d.asOAuth(q, err)
	d.logRefusal(q, status, err)
	if k := fault.KindOf(err); k == fault.Unavailable || k == fault.Throttled {
		w.Header().Set("Retry-After", "1")
	}
	code := string(e.Code)
	if len(e.ErrorCodes) > 0 {
		code = fmt.Sprintf("%s (%d)", e.Code, e.ErrorCodes[0])
	}
	page.WriteError(w, status, page.Error{
		Title: "That did not work", Detail: e.Description, Code: code,
		CorrelationID: e.CorrelationID, At: e.At.UTC().Format(time.RFC3339),
	})
}

// newUUID returns a random UUID (RFC 9562 section 5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
