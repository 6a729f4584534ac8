// Package graph is the administration API: the part of Microsoft Graph, v1.0
// and beta, that Postern serves, in Graph's own JSON and error shape.
//
// Names in JSON are Graph's. What Graph lacks is in one member "postern" of the
// resource. A property that a policy carries and that is not evaluated yet is
// refused by name when it says something; annotations, read-only properties and
// the portal's properties of other platforms are ignored.
//
// # Versions
//
// Both versions answer alike, but for what Graph has on beta only:
// windowsManagedAppProtections and the wipe actions by their beta names.
//
// # Sources
//
// Microsoft Graph REST API reference, v1.0 and beta, and its metadata
// documents; departures are listed in docs/spec/graph.md.
package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/odata"
)

// Registrations is what the door asks of the MAM room.
type Registrations interface {
	// Get returns fault.NotFound when id is unknown.
	Get(ctx context.Context, t directory.TenantID, id directory.RegistrationID) (mam.Registration, error)
	// List returns registrations in identifier order.
	List(ctx context.Context, t directory.TenantID, f mam.Filter) ([]mam.Registration, error)
	// History lists the operations of a registration, newest first.
	History(ctx context.Context, t directory.TenantID, id directory.RegistrationID) ([]mam.Operation, error)
	// RequestWipe returns one operation per living registration.
	RequestWipe(ctx context.Context, q mam.WipeRequest) ([]mam.Operation, error)
}

// SignIns reads the sign-in log.
type SignIns interface {
	// Records lists entries newest first, those behind the entry with
	// identifier after; "" starts at the newest.
	Records(ctx context.Context, t directory.TenantID, after string, limit int) ([]access.Record, error)
}

// Config is what the door needs. SignIns may be nil: the log is then empty.
type Config struct {
	Admin         *admin.Service
	Registrations Registrations
	SignIns       SignIns
	// Authenticate verifies the access token on r for audience.
	Authenticate func(r *http.Request, audience directory.AppID) (oauth.Principal, *oauth.Proof, error)
	BaseURL      string // public URL, scheme and host; links in answers start with it
	Now          func() time.Time
	Log          *slog.Logger
}

// Door answers the administration API.
type Door struct {
	Config
	routes []route
	port   string // of the public URL, with its colon; "" for the default port
}

// New returns the door, or every missing dependency joined.
func New(c Config) (*Door, error) {
	var errs []error
	for name, absent := range map[string]bool{
		"Admin": c.Admin == nil, "Registrations": c.Registrations == nil, "Authenticate": c.Authenticate == nil,
		"BaseURL": c.BaseURL == "", "Log": c.Log == nil,
	} {
		if absent {
			errs = append(errs, fmt.Errorf("graph: no %s", name))
		}
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil {
		errs = append(errs, fmt.Errorf("graph: BaseURL %q is no URL", c.BaseURL))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	d := &Door{Config: c}
	if p := u.Port(); p != "" && p != "443" {
		d.port = ":" + p
	}
	d.routes = d.table()
	return d, nil
}

// Mount puts both versions on mux. The mux must be its own: the patterns of
// sign-in, which begin with any tenant, would be ambiguous next to these.
func (d *Door) Mount(mux *http.ServeMux) {
	for _, version := range []string{"v1.0", "beta"} {
		mux.Handle("/"+version+"/", d.serve(version))
	}
}

// call is one request on its way.
type call struct {
	w         http.ResponseWriter
	r         *http.Request
	ctx       context.Context
	who       oauth.Principal
	version   string // "v1.0" or "beta"
	base      string // public URL with the version
	route     string // the pattern that matched
	keys      []odata.Segment
	query     odata.Query
	requestID string
}

func (c *call) tenant() directory.TenantID { return c.who.Tenant }
func (c *call) key(i int) string           { return c.keys[i].Text }

// actor is who asks: a user or an app that signed in as itself.
func (c *call) actor() string {
	if c.who.User != "" {
		return string(c.who.User)
	}
	return string(c.who.Client)
}

func (d *Door) serve(version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{w: w, r: r, ctx: r.Context(), version: version, base: d.BaseURL + "/" + version, requestID: newID()}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("request-id", c.requestID)
		h.Set("OData-Version", "4.0")
		if id := clientRequestID(r); id != "" {
			h.Set("client-request-id", id)
		}
		if err := d.answer(c); err != nil {
			d.refuse(c, err)
		}
	})
}

// answer authenticates first: whoever has no token learns nothing of what is here.
func (d *Door) answer(c *call) error {
	var err error
	c.who, _, err = d.Authenticate(c.r, directory.GraphAPI)
	if err != nil {
		return err
	}
	rt, err := d.find(c)
	if err != nil {
		return err
	}
	if err := admin.Require(c.who, rt.needs); err != nil {
		return err
	}
	c.query, err = odata.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return unsupportedQuery(err)
	}
	return rt.do(c)
}

// clientRequestID is the caller's own name for the request, if it is harmless to echo.
func clientRequestID(r *http.Request) string {
	id := r.Header.Get("client-request-id")
	if len(id) > 128 || strings.ContainsFunc(id, func(c rune) bool { return c < '!' || c > '~' }) {
		return ""
	}
	return id
}

// unsupportedQuery keeps the detail of err and gives it Graph's code.
func unsupportedQuery(err error) error {
	return &coded{status: http.StatusBadRequest, code: "Request_UnsupportedQuery", err: fault.New(fault.Invalid, "%s", fault.Detail(err))}
}
