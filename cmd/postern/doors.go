package main

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/bearer"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/httpapi/graph/conditional"
	"github.com/postern-mam/postern/internal/httpapi/graph/entra"
	"github.com/postern-mam/postern/internal/httpapi/graph/intune"
	"github.com/postern-mam/postern/internal/httpapi/graph/registration"
	"github.com/postern-mam/postern/internal/httpapi/graph/signins"
	"github.com/postern-mam/postern/internal/httpapi/graph/tenantadmin"
	"github.com/postern-mam/postern/internal/httpapi/mamapi"
	"github.com/postern-mam/postern/internal/httpapi/mtdapi"
	"github.com/postern-mam/postern/internal/httpapi/oidc"
	"github.com/postern-mam/postern/internal/httpapi/portal"
	"github.com/postern-mam/postern/internal/httpapi/proxy"
	"github.com/postern-mam/postern/internal/oauth"
)

// readLimit is how long a client may take to send a body to our own doors.
const readLimit = 30 * time.Second

// openDoors mounts every door and decides by host which one a request is for.
func (h *house) openDoors(ctx context.Context, c *ServeCmd) error {
	trusted, err := c.trusted()
	if err != nil {
		return err
	}
	h.trusted = trusted
	h.hub = mamapi.NewHub()
	mux := http.NewServeMux()
	(&mamapi.Handler{MAM: h.mam, Hub: h.hub, Authenticate: h.authenticate, DeviceProof: h.deviceProof, Log: h.log, Done: h.done}).Mount(mux)
	(&mtdapi.Handler{MTD: h.mtd, Authenticate: h.authenticate, Log: h.log}).Mount(mux)

	signIn, err := oidc.New(oidc.Config{Service: h.idp, Issuer: h.base, Log: h.log, Now: h.now, ClientIP: func(r *http.Request) string {
		return proxy.ClientIP(r, trusted)
	}})
	if err != nil {
		return err
	}
	signIn.Mount(mux)

	help, err := portal.New(portal.Config{Issuer: h.base, Rule: h.remediation(trusted), Organization: h.organization, Log: h.log})
	if err != nil {
		return err
	}
	help.Mount(mux)

	api, reports, err := h.graph(trusted)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /metadata/endpoints", h.metadata)
	mux.HandleFunc("GET /reports/exports/{id}", reports)
	graphMux := http.NewServeMux() // its own: /v1.0/ would clash with /{tenant}/
	api.Mount(graphMux)

	sites, err := proxy.New(proxy.Config{
		Tunnel: h.tunnel, Sealer: h.sealer, Issuer: h.base, TrustedProxies: trusted, Log: h.log, Now: h.now,
	})
	if err != nil {
		return err
	}
	issuer, err := url.Parse(h.base)
	if err != nil {
		return err
	}
	h.handler = h.ops.watch(h.log, byHost(issuer.Hostname(), indoors(mux, graphMux), sites))
	h.tls = h.authority.TLSConfig(h.serves(issuer.Hostname()))
	return h.dispatch(ctx)
}

// graph builds the administration API from its areas, and the address of
// reports, which needs no token.
func (h *house) graph(trusted []netip.Prefix) (*graph.Door, http.HandlerFunc, error) {
	administration, err := tenantadmin.New(tenantadmin.Config{
		Admin: h.admin, Registrations: h.mam, Reports: h.report, Sealer: h.sealer, BaseURL: h.base, Now: h.now, Log: h.log,
	})
	if err != nil {
		return nil, nil, err
	}
	policies := &intune.Area{Admin: h.admin, Registrations: h.mam, Now: h.now}
	door, err := graph.New(graph.Config{
		Authenticate: h.authenticate, Authority: h.admin.Authority, BaseURL: h.base, Now: h.now, Log: h.log,
		Address: func(r *http.Request) string { return proxy.ClientIP(r, trusted) },
	},
		entra.New(h.admin, h.base).Routes(),
		(&conditional.Area{Admin: h.admin, Gate: h.gate, Prover: h.prover}).Routes(),
		(&signins.Area{Admin: h.admin, Log: h.store, Reasoner: h.gate}).Routes(),
		policies.Routes(),
		(&registration.Area{Admin: h.admin, Registrations: h.mam, Reports: h.report, Policy: policies.Delivered, Now: h.now}).Routes(),
		administration.Routes(),
	)
	return door, administration.Download, err
}

// byHost sends a request for the issuer's host to our own doors and every other
// to the published sites. The loopback names reach the doors too, so that a
// service behind a public URL can be tried on its own machine.
func byHost(issuer string, own, sites http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if u, err := url.Parse("//" + host); err == nil {
			host = u.Hostname()
		}
		if isOwn(host, issuer) {
			own.ServeHTTP(w, r)
			return
		}
		sites.ServeHTTP(w, r)
	})
}

func isOwn(host, issuer string) bool {
	if strings.EqualFold(host, issuer) || strings.EqualFold(host, "localhost") || host == "" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// indoors picks the Graph door by version segment and bounds how long a body
// may take to arrive.
func indoors(mux, graphMux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Not every ResponseWriter has deadlines; those of tests need none.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readLimit))
		if strings.HasPrefix(r.URL.Path, "/v1.0/") || strings.HasPrefix(r.URL.Path, "/beta/") {
			graphMux.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// serves says for which host names a certificate is made: ours and those of
// published sites.
func (h *house) serves(issuer string) func(string) bool {
	return func(host string) bool {
		if isOwn(host, issuer) {
			return true
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_, err := h.tunnel.Site(ctx, strings.ToLower(host))
		return err == nil
	}
}

func (h *house) authenticate(r *http.Request, audience directory.AppID) (oauth.Principal, *oauth.Proof, error) {
	p := bearer.Presented(r, h.base, audience)
	p.UserAgent, p.IP = r.UserAgent(), proxy.ClientIP(r, h.trusted)
	return h.idp.Authenticate(r.Context(), p)
}

func (h *house) deviceProof(r *http.Request, t directory.TenantID) (oauth.Proof, error) {
	return h.idp.DeviceProof(r.Context(), t, bearer.Presented(r, h.base, directory.EnrollmentAPI))
}

func (h *house) organization(r *http.Request, t directory.TenantID) (string, error) {
	tenant, err := h.admin.Tenants().Get(r.Context(), t, string(t))
	return tenant.DisplayName, err
}

// remediation decides afresh for the person whose browser asks. The page itself
// is a bootstrap resource: whoever may not even see it is told why by that
// ruling.
func (h *house) remediation(trusted []netip.Prefix) func(*http.Request, directory.TenantID, directory.AppID) (portal.View, error) {
	return func(r *http.Request, t directory.TenantID, resource directory.AppID) (portal.View, error) {
		return h.remedy(r, t, resource, proxy.ClientIP(r, trusted))
	}
}

func (h *house) remedy(r *http.Request, t directory.TenantID, resource directory.AppID, ip string) (portal.View, error) {
	ctx := r.Context()
	session, user, err := h.idp.SignedIn(ctx, t, oidc.SessionCookie(r, t))
	if fault.KindOf(err) == fault.NotFound {
		return portal.View{}, fault.New(fault.Unauthenticated, "nobody is signed in")
	}
	if err != nil {
		return portal.View{}, err
	}
	site, err := h.admin.Apps().Get(ctx, t, string(resource))
	if err != nil {
		return portal.View{}, err
	}
	v := portal.View{UserName: user.UserPrincipalName, Site: site.DisplayName}
	if site.Site != nil {
		v.Open = oauth.SiteOrigin(h.base, site.Site.Host) + "/"
	}
	ask := access.Request{
		Tenant: t, Session: session, Client: resource, Resources: []directory.AppID{directory.RemediationPortal},
		ClientAppType: access.Browser, UserAgent: r.UserAgent(), IP: ip, Protocol: "portal", Interactive: true,
	}
	if v.Ruling, err = h.gate.Decide(ctx, ask); err != nil {
		return v, err
	}
	if v.Ruling.Decision.Outcome != access.Granted {
		return v, h.gate.Record(ctx, v.Ruling.Record) // nothing else stores it
	}
	ask.Resources = []directory.AppID{resource}
	v.Ruling, err = h.gate.Decide(ctx, ask)
	return v, err
}
