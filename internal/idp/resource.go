package idp

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// Identifier URIs of the resources that are part of the product.
const (
	enrollmentURI = "api://postern-enrollment"
	threatURI     = "api://postern-threat"
)

// Names of the scopes and roles that tokens carry.
const (
	scopeEnrollment = "enrollment"
	scopeAsUser     = "user_impersonation"
	scopeGraphUser  = "Directory.AccessAsUser.All"
	roleHealth      = "HealthState.Report"
)

// target is the one resource that an access token is for.
type target struct {
	id      directory.AppID
	name    string
	isOIDC  bool     // only OpenID Connect's own scopes were asked
	granted []string // scp of a user's token
}

// resolve finds the resource behind scope and the scopes it grants there.
func (s *Service) resolve(ctx context.Context, t directory.TenantID, scope oauth.Scope) (target, error) {
	if scope.Resource == "" {
		return target{id: directory.DirectoryAPI, isOIDC: true, granted: strings.Fields(scope.String())}, nil
	}
	app, err := s.resourceID(ctx, t, scope.Resource)
	if err != nil {
		return target{}, err
	}
	r := target{id: app.ID, name: app.DisplayName, granted: scope.Names}
	if slices.Contains(scope.Names, oauth.DefaultScope) {
		r.granted = []string{scopeAsUser}
		if r.id == directory.GraphAPI {
			r.granted = []string{scopeGraphUser}
		}
	}
	if r.id == directory.EnrollmentAPI {
		for _, n := range scope.Names {
			if n != oauth.DefaultScope && n != scopeEnrollment {
				return target{}, oauth.Errorf(oauth.InvalidScope, oauth.NumberInvalidScope, "scope %s/%s does not exist; ask for %s/%s", scope.Resource, n, enrollmentURI, oauth.DefaultScope)
			}
		}
		r.granted = []string{scopeEnrollment}
	}
	return r, nil
}

// resourceID finds a resource by its identifier URI or its application identifier.
func (s *Service) resourceID(ctx context.Context, t directory.TenantID, uri string) (directory.App, error) {
	switch strings.TrimSuffix(uri, "/") {
	case oauth.GraphURI, s.base, string(directory.GraphAPI):
		return directory.App{ID: directory.GraphAPI, DisplayName: "Administration (Graph)"}, nil
	case enrollmentURI, string(directory.EnrollmentAPI):
		return directory.App{ID: directory.EnrollmentAPI, DisplayName: "Enrollment"}, nil
	case threatURI, string(directory.ThreatAPI):
		return directory.App{ID: directory.ThreatAPI, DisplayName: "Threat reports"}, nil
	}
	app, err := s.store.AppByURI(ctx, t, uri)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		app, err = s.store.App(ctx, t, directory.AppID(uri))
	}
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return app, oauth.Errorf(oauth.InvalidTarget, oauth.NumberUnknownResource, "there is no resource %q in this tenant", uri)
	}
	if err != nil {
		return app, fmt.Errorf("resource: %w", err)
	}
	return app, nil
}

// audiences are all resources that a user's request reaches, each of which
// policies may protect: the one asked for and, for a confidential client that
// wants to know who signs in, the client itself. A published site is reached
// through its own client and is the one resource then, as at the proxy's door.
func audiences(client directory.App, scope oauth.Scope, r target) []directory.AppID {
	if client.Site != nil && r.isOIDC {
		return []directory.AppID{client.ID}
	}
	all := []directory.AppID{r.id}
	if !client.Public && scope.OpenID && client.ID != r.id {
		all = append(all, client.ID)
	}
	return all
}

// userPermissions are the application permissions that a user's directory role
// gives at a resource, no more than the names that were asked for.
func userPermissions(u directory.User, resource directory.AppID, scopes []string) []string {
	if resource != directory.GraphAPI || !slices.Contains(u.Roles, directory.GlobalAdministrator) {
		return nil
	}
	if slices.Contains(scopes, scopeGraphUser) {
		return directory.Permissions()
	}
	return slices.DeleteFunc(directory.Permissions(), func(p string) bool { return !slices.Contains(scopes, p) })
}

// appPermissions are what a client holds at a resource when it acts for itself.
func (s *Service) appPermissions(ctx context.Context, client directory.App, resource directory.AppID) ([]string, error) {
	switch resource {
	case directory.GraphAPI:
		return client.Permissions, nil
	case directory.ThreatAPI:
		has, err := s.store.HasConnector(ctx, client.Tenant, client.ID)
		if err != nil || !has {
			return nil, err
		}
		return []string{roleHealth}, nil
	}
	return nil, nil
}
