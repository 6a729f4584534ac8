package admin

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
)

// FoundRequest describes the first tenant.
type FoundRequest struct {
	DisplayName string // "" means "Postern"
	Domain      string // suffix of user principal names; "" means "postern.internal"
	BaseURL     string // public URL, scheme and host: a name of the administration API as a resource
	// Keep, when set, puts the secrets where the administrator finds them. It is
	// called before the tenant is stored, and its error stops that: a tenant
	// whose secrets were lost could never be entered.
	Keep func(Bootstrap) error
}

// Bootstrap is what the first administrator needs. The secrets in it exist
// nowhere else; printing or logging it shows none of them.
type Bootstrap struct {
	Tenant                 directory.TenantID
	ClientID               directory.AppID // holds every permission
	ClientSecret           string
	AdminUserPrincipalName string
	AdminPassword          string // must be changed at first sign-in
}

// String names the tenant and hides the secrets.
func (b Bootstrap) String() string {
	return "bootstrap of tenant " + string(b.Tenant) + " [secrets redacted]"
}

// GoString is String, so that %#v shows no secret either.
func (b Bootstrap) GoString() string { return b.String() }

// LogValue is String.
func (b Bootstrap) LogValue() slog.Value { return slog.StringValue(b.String()) }

// Found creates the first tenant with a Global Administrator, the applications
// that are part of the product, and a client for administration. It is
// fault.Conflict when a tenant exists already.
func (s *Service) Found(ctx context.Context, r FoundRequest) (Bootstrap, error) {
	if r.DisplayName == "" {
		r.DisplayName = "Postern"
	}
	if r.Domain == "" {
		r.Domain = "postern.internal"
	}
	b := Bootstrap{Tenant: directory.TenantID(newID()), AdminUserPrincipalName: "admin@" + r.Domain, AdminPassword: rand.Text()}
	if err := together(checkText("displayName", r.DisplayName, 1, 256), checkPrincipalName(b.AdminUserPrincipalName)); err != nil {
		return Bootstrap{}, err
	}
	hash, err := s.passwords.HashPassword(ctx, b.AdminPassword)
	if err != nil {
		return Bootstrap{}, err
	}
	now := s.now()
	secret, plain := newSecret()
	secret.DisplayName, secret.CreatedAt = "first start", now // it does not expire: nothing would mint another
	client := directory.App{
		ID: directory.AppID(newID()), DisplayName: "Postern administration",
		Permissions: directory.Permissions(), Secrets: []directory.Secret{secret},
	}
	apps := append(builtIn(r.BaseURL), client)
	for i := range apps {
		apps[i].Tenant, apps[i].ObjectID, apps[i].CreatedAt = b.Tenant, newID(), now
	}
	b.ClientID, b.ClientSecret = client.ID, plain
	if r.Keep != nil {
		if err := r.Keep(b); err != nil {
			return Bootstrap{}, err
		}
	}
	founding := Founding{
		Tenant: directory.Tenant{ID: b.Tenant, DisplayName: r.DisplayName, Domain: r.Domain, CreatedAt: now},
		Admin: directory.User{
			ID: directory.UserID(newID()), Tenant: b.Tenant, UserPrincipalName: b.AdminUserPrincipalName,
			DisplayName: "Administrator", Enabled: true, Roles: []directory.Role{directory.GlobalAdministrator}, CreatedAt: now,
		},
		Password: Password{Hash: hash, MustChange: true},
		Apps:     apps,
	}
	if founding.Entries, err = s.founded(&founding); err != nil {
		return Bootstrap{}, err
	}
	if err := s.store.Found(ctx, founding); err != nil {
		return Bootstrap{}, err
	}
	return b, nil
}

// founded are the entries of all that a founding creates.
func (s *Service) founded(f *Founding) ([]audit.Entry, error) {
	tenant, err := s.Tenants().note(audit.Create, nil, &f.Tenant)
	if err != nil {
		return nil, err
	}
	tenant.Entry.Activity = "tenant founded"
	admin, err := s.Users().note(audit.Create, nil, &f.Admin)
	if err != nil {
		return nil, err
	}
	entries := []audit.Entry{*tenant.Entry, *admin.Entry}
	for i := range f.Apps {
		app, err := s.Apps().note(audit.Create, nil, &f.Apps[i])
		if err != nil {
			return nil, err
		}
		entries = append(entries, *app.Entry)
	}
	return entries, nil
}

// builtIn lists the applications that are part of the product.
func builtIn(baseURL string) []directory.App {
	graph := []string{"https://graph.microsoft.com"}
	if baseURL != "" {
		graph = append(graph, strings.TrimRight(baseURL, "/"))
	}
	return []directory.App{
		{ID: directory.GraphAPI, DisplayName: "Postern administration API", BuiltIn: true, IdentifierURIs: graph},
		{ID: directory.DirectoryAPI, DisplayName: "Postern directory", BuiltIn: true},
		{ID: directory.EnrollmentAPI, DisplayName: "Postern enrolment", BuiltIn: true, IdentifierURIs: []string{"api://postern-enrollment"}},
		{ID: directory.RemediationPortal, DisplayName: "Postern remediation page", BuiltIn: true, IdentifierURIs: []string{"api://postern-remediation"}},
		{ID: directory.ThreatAPI, DisplayName: "Postern threat signals", BuiltIn: true, IdentifierURIs: []string{"api://postern-threat"}},
		{ID: directory.WindowsSecurityCenter, DisplayName: "Windows Security Center", BuiltIn: true},
		{
			ID: directory.AgentClient, DisplayName: "Postern agent", BuiltIn: true, Public: true,
			RedirectURIs: []string{"http://127.0.0.1", "http://localhost"},
		},
	}
}
