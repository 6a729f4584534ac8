// Package graph is the protocol of the administration API: how Microsoft Graph,
// v1.0 and beta, is spoken over HTTP. What is served, area by area, is in the
// packages below this one; they give their Routes to New.
//
// Names in JSON are Graph's. What Graph lacks is in one member "postern" of the
// resource, or in operations whose name begins with "postern.". Bodies are
// checked against the data model (package edm) before anything reads them: what
// a type does not have is ignored, as the portal sends stray properties; what
// has the wrong type is refused by name.
//
// # Who may
//
// A route names the Graph permission it needs and, where Intune has one, the
// role action. An app that signed in as itself and a global administrator need
// the permission alone. Any other user needs the delegated permission and a role
// assignment with the action, and sees what carries one of its scope tags.
//
// # Versions
//
// Both versions answer alike, but for what Graph has on beta only.
//
// # Sources
//
// Microsoft Graph REST API reference, v1.0 and beta, and its metadata
// documents; OData 4.01; departures are listed in docs/spec/graph.md.
package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/edm"
	"github.com/postern-mam/postern/internal/edm/served"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/internal/odata"
)

// The versions of the API.
const (
	V1   = "v1.0"
	Beta = "beta"
)

// Route is one operation of the API.
type Route struct {
	Method  string
	Pattern string // segments; {} stands for a key
	Needs   string // the Graph permission to hold
	Action  string // the Intune role action that a user's role must have; "": none does
	Beta    bool   // on beta only
	Do      func(c *Call) error
}

// Config is what the door needs.
type Config struct {
	// Authenticate verifies the access token on r for audience.
	Authenticate func(r *http.Request, audience directory.AppID) (oauth.Principal, *oauth.Proof, error)
	// Authority reads what roles a caller holds, live.
	Authority func(ctx context.Context, p oauth.Principal) (admin.Authority, error)
	BaseURL   string // public URL, scheme and host; links in answers start with it
	Address   func(r *http.Request) string
	Now       func() time.Time
	Log       *slog.Logger
}

// Door answers the administration API.
type Door struct {
	Config
	routes   []Route
	models   map[string]*edm.Model
	metadata map[string][]byte
}

// New returns a door that serves routes, or every missing dependency joined.
func New(c Config, routes ...[]Route) (*Door, error) {
	var errs []error
	for name, absent := range map[string]bool{
		"Authenticate": c.Authenticate == nil, "Authority": c.Authority == nil, "BaseURL": c.BaseURL == "", "Log": c.Log == nil,
	} {
		if absent {
			errs = append(errs, fmt.Errorf("graph: no %s", name))
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Address == nil {
		c.Address = func(*http.Request) string { return "" }
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	d := &Door{Config: c, models: map[string]*edm.Model{}, metadata: map[string][]byte{}}
	for _, area := range routes {
		d.routes = append(d.routes, area...)
	}
	for _, version := range []string{V1, Beta} {
		d.models[version] = served.Model(version)
		var b strings.Builder
		if err := d.models[version].Write(&b); err != nil {
			errs = append(errs, fmt.Errorf("graph: metadata: %w", err))
		}
		d.metadata[version] = []byte(b.String())
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return d, nil
}

// Mount puts both versions on mux. The mux must be its own: the patterns of
// sign-in, which begin with any tenant, would be ambiguous next to these.
func (d *Door) Mount(mux *http.ServeMux) {
	for _, version := range []string{V1, Beta} {
		mux.Handle("/"+version+"/", d.serve(version))
		mux.HandleFunc("GET /"+version+"/$metadata", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			w.Header().Set("OData-Version", "4.0")
			_, _ = w.Write(d.metadata[version]) // the client is gone; nothing to do
		})
		mux.Handle("POST /"+version+"/$batch", d.serve(version))
	}
}

func (d *Door) serve(version string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &Call{door: d, w: w, Request: r, Ctx: r.Context(), Version: version, RequestID: newID(), address: d.Address(r)}
		c.begin()
		if err := d.enter(c); err != nil {
			d.refuse(c, err)
		}
	})
}

// enter authenticates first: whoever has no token learns nothing of what is here.
func (d *Door) enter(c *Call) error {
	var err error
	if c.Who, _, err = d.Authenticate(c.Request, directory.GraphAPI); err != nil {
		return err
	}
	if c.Who.Audience != directory.GraphAPI {
		return fault.New(fault.Forbidden, "the access token is for %q; this API is %q", c.Who.Audience, directory.GraphAPI)
	}
	if c.path() == "$batch" {
		return d.batch(c)
	}
	return d.answer(c)
}

// answer finds the operation, asks whether the caller may, and does it.
func (d *Door) answer(c *Call) error {
	rt, err := d.find(c)
	if err != nil {
		return err
	}
	if err := c.admit(rt); err != nil {
		return err
	}
	c.Options, err = odata.ParseOptions(c.Request.URL.RawQuery)
	if err != nil {
		return unsupportedQuery(err)
	}
	c.Options.Filter = c.Options.Filter.Within(d.models[Beta]) // it knows the types of both versions
	return rt.Do(c)
}
