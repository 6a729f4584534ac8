package entra

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

type application struct {
	Type                   string               `json:"@odata.type"`
	ID                     string               `json:"id"`
	AppID                  string               `json:"appId"`
	CreatedDateTime        *string              `json:"createdDateTime"`
	DisplayName            string               `json:"displayName"`
	IdentifierUris         []string             `json:"identifierUris"`
	IsFallbackPublicClient bool                 `json:"isFallbackPublicClient"`
	KeyCredentials         []keyCredential      `json:"keyCredentials"`
	OnPremisesPublishing   *publishing          `json:"onPremisesPublishing,omitempty"`
	PasswordCredentials    []passwordCredential `json:"passwordCredentials"`
	PublicClient           redirects            `json:"publicClient"`
	SignInAudience         string               `json:"signInAudience"`
	Tags                   []string             `json:"tags"`
	Web                    redirects            `json:"web"`
	Postern                appPostern           `json:"postern"`
}

type redirects struct {
	RedirectUris []string `json:"redirectUris"`
}

// appPostern is what Graph keeps in appRoleAssignments of the service principal.
type appPostern struct {
	BuiltIn             bool     `json:"builtIn"`
	Permissions         []string `json:"permissions"`
	EarlyBoundResources []string `json:"earlyBoundResources"`
}

type keyCredential struct {
	CustomKeyIdentifier string  `json:"customKeyIdentifier"`
	DisplayName         *string `json:"displayName"`
	EndDateTime         *string `json:"endDateTime"`
	Key                 string  `json:"key"`
	KeyID               string  `json:"keyId"`
	Type                string  `json:"type"`
	Usage               string  `json:"usage"`
}

type passwordCredential struct {
	DisplayName   *string `json:"displayName"`
	EndDateTime   *string `json:"endDateTime"`
	Hint          string  `json:"hint"`
	KeyID         string  `json:"keyId"`
	SecretText    *string `json:"secretText"`
	StartDateTime *string `json:"startDateTime"`
}

type publishing struct {
	ExternalURL string `json:"externalUrl"`
	InternalURL string `json:"internalUrl"`
}

func (d *Area) viewApp(c *graph.Call, a directory.App) (any, error) {
	out := application{
		Type: "#microsoft.graph.application", ID: a.ObjectID, AppID: string(a.ID), CreatedDateTime: graph.Stamp(a.CreatedAt),
		DisplayName: a.DisplayName, IdentifierUris: graph.Texts(a.IdentifierURIs), IsFallbackPublicClient: a.Public,
		KeyCredentials: []keyCredential{}, PasswordCredentials: []passwordCredential{}, SignInAudience: "AzureADMyOrg",
		Web: redirects{[]string{}}, PublicClient: redirects{[]string{}},
		Tags: graph.Texts(a.Tags), Postern: appPostern{a.BuiltIn, graph.Texts(a.Permissions), graph.Texts(a.EarlyBound)},
	}
	if a.Public {
		out.PublicClient.RedirectUris = graph.Texts(a.RedirectURIs)
	} else {
		out.Web.RedirectUris = graph.Texts(a.RedirectURIs)
	}
	for _, k := range a.Keys {
		sum := sha256.Sum256(k.Certificate)
		out.KeyCredentials = append(out.KeyCredentials, keyCredential{
			CustomKeyIdentifier: base64.StdEncoding.EncodeToString(sum[:]), DisplayName: graph.Text(k.DisplayName), EndDateTime: graph.Stamp(k.ExpiresAt),
			Key: base64.StdEncoding.EncodeToString(k.Certificate), KeyID: k.ID, Type: "AsymmetricX509Cert", Usage: "Verify",
		})
	}
	for _, s := range a.Secrets {
		out.PasswordCredentials = append(out.PasswordCredentials, viewSecret(s, nil))
	}
	if a.Site != nil && c.Version == graph.Beta {
		out.OnPremisesPublishing = &publishing{ExternalURL: "https://" + a.Site.Host + d.port + "/", InternalURL: a.Site.Upstream}
	}
	return out, nil
}

func viewSecret(s directory.Secret, plain *string) passwordCredential {
	return passwordCredential{
		DisplayName: graph.Text(s.DisplayName), EndDateTime: graph.Stamp(s.ExpiresAt), Hint: s.Hint, KeyID: s.ID, SecretText: plain,
		StartDateTime: graph.Stamp(s.CreatedAt),
	}
}

func (d *Area) apps() graph.Set[directory.App] {
	return graph.Set[directory.App]{
		Path:  "applications",
		Items: func(c *graph.Call) admin.Collection[directory.App] { return d.as(c).Apps() },
		Kind:  "graph.application", Read: directory.ApplicationRead, Write: directory.ApplicationWrite, Directory: true, Name: "displayName",
		Patched:  http.StatusNoContent,
		ID:       func(a directory.App) string { return string(a.ID) },
		Revision: func(a directory.App) int64 { return a.Revision },
		View:     d.viewApp, Take: d.readApp, Find: d.findApp,
		Guard: d.guardApp,
	}
}

func (d *Area) findApp(c *graph.Call, key odata.Segment) (directory.App, error) {
	switch key.Property {
	case "appId":
		return d.as(c).Apps().Get(c.Ctx, c.Tenant(), key.Text)
	case "", "id":
		return d.as(c).AppByObjectID(c.Ctx, c.Tenant(), key.Text)
	}
	return directory.App{}, fault.New(fault.Invalid, "key property %q is not supported on applications; use the id or appId", key.Property)
}

func (d *Area) readApp(c *graph.Call, o *odata.Object, a *directory.App) {
	if a.Revision == 0 {
		a.Tenant = c.Tenant()
	}
	o.Text("displayName", &a.DisplayName)
	o.Texts("identifierUris", &a.IdentifierURIs)
	readRedirects(o, a)
	if p := o.Object("postern"); p != nil {
		early := graph.Texts(a.EarlyBound)
		p.Texts("permissions", &a.Permissions)
		p.Texts("earlyBoundResources", &early)
		a.EarlyBound = graph.Typed[directory.AppID](early)
	}
	o.Texts("tags", &a.Tags)
	audience := ""
	o.Text("signInAudience", &audience)
	if audience != "" && audience != "AzureADMyOrg" {
		o.Refuse("signInAudience", "is %q; only AzureADMyOrg, one tenant, is supported", audience)
	}
	if o.Has("keyCredentials") {
		a.Keys = readKeys(o, a.Keys)
	}
	if p := o.Object("onPremisesPublishing"); p != nil {
		a.Site = d.readSite(p, a.Site)
	} else if o.Null("onPremisesPublishing") {
		a.Site = nil
	}
}

// readRedirects takes over redirect URIs. An app is confidential ("web") or
// public ("publicClient", "spa"), never both: a public one has no secret to keep.
func readRedirects(o *odata.Object, a *directory.App) {
	web, webGiven := redirectsOf(o, "web")
	public, publicGiven := redirectsOf(o, "publicClient")
	spa, spaGiven := redirectsOf(o, "spa")
	public = append(public, spa...)
	o.Flag("isFallbackPublicClient", &a.Public)
	switch {
	case len(public) > 0 && len(web) > 0:
		o.Refuse("web", "has redirect URIs, and so has publicClient or spa; one application is either confidential or public")
	case len(public) > 0:
		a.Public, a.RedirectURIs = true, public
	case len(web) > 0:
		if a.Public && o.Has("isFallbackPublicClient") {
			o.Refuse("web", "has redirect URIs, but isFallbackPublicClient is true; one application is either confidential or public")
		}
		a.Public, a.RedirectURIs = false, web
	case (publicGiven || spaGiven) && a.Public, webGiven && !a.Public:
		a.RedirectURIs = nil
	}
}

func redirectsOf(o *odata.Object, name string) (uris []string, given bool) {
	m := o.Object(name)
	if m == nil {
		return nil, false
	}
	m.Texts("redirectUris", &uris)
	return uris, m.Has("redirectUris")
}

// readKeys reads the whole list of certificates. An entry without key keeps the
// one that its keyId names, as Graph leaves the key out when it answers.
func readKeys(o *odata.Object, old []directory.Key) []directory.Key {
	var out []directory.Key
	for _, k := range o.Objects("keyCredentials") {
		var key directory.Key
		var encoded, kind, usage string
		k.Text("keyId", &key.ID)
		k.Text("displayName", &key.DisplayName)
		k.Time("endDateTime", &key.ExpiresAt)
		k.Text("key", &encoded)
		k.Word("type", &kind, "AsymmetricX509Cert")
		k.Word("usage", &usage, "Verify")
		i := slices.IndexFunc(old, func(x directory.Key) bool { return x.ID == key.ID && key.ID != "" })
		if encoded == "" && i >= 0 {
			out = append(out, old[i])
			continue
		}
		var err error
		if key.Certificate, err = base64.StdEncoding.DecodeString(encoded); err != nil || len(key.Certificate) == 0 {
			k.Refuse("key", "is not base64; it must be an X.509 certificate in DER, base64")
		}
		out = append(out, key)
	}
	return out
}

// readSite takes over where an app is published. The external URL names a host;
// the port is the service's own.
func (d *Area) readSite(p *odata.Object, old *directory.Site) *directory.Site {
	site := directory.Site{}
	external := ""
	if old != nil {
		site, external = *old, "https://"+old.Host+d.port+"/"
	}
	p.Text("externalUrl", &external)
	p.Text("internalUrl", &site.Upstream)
	u, err := url.Parse(external)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.User != nil ||
		(u.Port() != "" && ":"+u.Port() != d.port && !(u.Port() == "443" && d.port == "")) {
		p.Refuse("externalUrl", "is %q; it must be https://<host>%s/", external, d.port)
		return &site
	}
	site.Host = u.Hostname()
	return &site
}

func (d *Area) addPassword(c *graph.Call) error {
	o, err := c.Body("")
	if err != nil {
		return err
	}
	var name string
	var until time.Time
	if p := o.Object("passwordCredential"); p != nil {
		p.Text("displayName", &name)
		p.Time("endDateTime", &until)
	}
	if err := o.Err(); err != nil {
		return err
	}
	a, err := d.mine(c)
	if err != nil {
		return err
	}
	secret, plain, err := d.as(c).AddSecret(c.Ctx, a, name, until)
	if err != nil {
		return err
	}
	doc, err := graph.Document(viewSecret(secret, &plain))
	if err != nil {
		return err
	}
	return c.Value("microsoft.graph.passwordCredential", doc)
}

func (d *Area) removePassword(c *graph.Call) error {
	o, err := c.Body("")
	if err != nil {
		return err
	}
	var id string
	o.Text("keyId", &id)
	if id == "" {
		o.Refuse("keyId", "is missing; it names the secret to remove")
	}
	if err := o.Err(); err != nil {
		return err
	}
	a, err := d.mine(c)
	if err != nil {
		return err
	}
	if err := d.as(c).RemoveSecret(c.Ctx, a, id); err != nil {
		return err
	}
	return c.NoContent()
}

// mine returns the app that the path names, if the caller may do all that it may.
func (d *Area) mine(c *graph.Call) (directory.App, error) {
	a, err := d.apps().One(c)
	if err != nil {
		return a, err
	}
	return a, d.Admin.MayRun(c.Ctx, c.Who, a)
}

func (d *Area) appRoutes() []graph.Route {
	principals := d.principals()
	return slices.Concat(d.apps().Routes(), principals.ReadRoutes(), []graph.Route{
		{Method: http.MethodPatch, Pattern: "servicePrincipals/{}", Needs: directory.ApplicationWrite, Do: principals.Patch},
		post("applications/{}/addPassword", directory.ApplicationWrite, d.addPassword),
		post("applications/{}/removePassword", directory.ApplicationWrite, d.removePassword),
		get("applications/{}/owners", directory.ApplicationRead, nothing(d.apps(), "owners", "graph.directoryObject")),
		get("servicePrincipals/{}/owners", directory.ApplicationRead, nothing(principals, "owners", "graph.directoryObject")),
		get("servicePrincipals/{}/memberOf", directory.ApplicationRead, nothing(principals, "memberOf", "graph.directoryObject")),
		get("servicePrincipals/{}/appRoleAssignments", directory.ApplicationRead, nothing(principals, "appRoleAssignments", "graph.appRoleAssignment")),
		get("servicePrincipals/{}/appRoleAssignedTo", directory.ApplicationRead, nothing(principals, "appRoleAssignedTo", "graph.appRoleAssignment")),
	})
}

// nothing answers a relation that exists in Graph and is always empty here.
func nothing[T any](s graph.Set[T], relation, kind string) func(c *graph.Call) error {
	return func(c *graph.Call) error {
		if _, err := s.One(c); err != nil {
			return err
		}
		return c.Answer(graph.Rows(s.Path+"/"+c.Key(0)+"/"+relation, kind, nil))
	}
}
