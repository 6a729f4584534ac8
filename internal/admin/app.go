package admin

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// secretLifetime is how long a secret lives when nobody says (as in Graph).
const secretLifetime = 2 * 365 * 24 * time.Hour

const minRSABits = 2048

// Apps administers applications. What is part of the product keeps its name
// and reach; only its keys and secrets may change.
func (s *Service) Apps() Collection[directory.App] {
	return Collection[directory.App]{
		service: s, kind: audit.App, objects: s.store.Apps(), redact: withoutSecrets,
		check: s.checkApp,
		spare: func(_ context.Context, a directory.App) error {
			if a.BuiltIn {
				return fault.New(fault.Invalid, "application %q is part of the product and cannot be deleted", a.DisplayName)
			}
			return nil
		},
		announce: func(_, a *directory.App) event.Event { return s.changed(a.Tenant, "application", nil) },
		describe: func(a *directory.App) subject { return subject{a.Tenant, string(a.ID), a.Revision, a.DisplayName, nil} },
	}
}

// withoutSecrets is an app as the record keeps it: which secrets it has, and
// nothing that verifies them.
func withoutSecrets(a directory.App) directory.App {
	a.Secrets = slices.Clone(a.Secrets)
	for i := range a.Secrets {
		a.Secrets[i].Hash = "[redacted]"
	}
	return a
}

// AppByObjectID finds an application by its object identifier; fault.NotFound
// when there is none.
func (s *Service) AppByObjectID(ctx context.Context, t directory.TenantID, id string) (directory.App, error) {
	return s.store.AppByObjectID(ctx, t, id)
}

// AddSecret gives an app a new random secret of 256 bits. It is returned once
// and not kept. A zero expiry means two years.
func (s *Service) AddSecret(ctx context.Context, a directory.App, displayName string, expiresAt time.Time) (directory.Secret, string, error) {
	if a.Public {
		return directory.Secret{}, "", fault.New(fault.Invalid, "application %q is a public client; it has no secrets", a.DisplayName)
	}
	now := s.now()
	if expiresAt.IsZero() {
		expiresAt = now.Add(secretLifetime)
	}
	if !expiresAt.After(now) {
		return directory.Secret{}, "", fault.New(fault.Invalid, "passwordCredential.endDateTime is %s; it must be in the future", expiresAt.Format(time.RFC3339))
	}
	if err := checkText("passwordCredential.displayName", displayName, 0, 256); err != nil {
		return directory.Secret{}, "", err
	}
	secret, plain := newSecret()
	secret.DisplayName, secret.ExpiresAt, secret.CreatedAt = displayName, expiresAt.UTC(), now
	a.Secrets = append(slices.Clone(a.Secrets), secret)
	_, err := s.Apps().Save(ctx, a)
	return secret, plain, err
}

// RemoveSecret ends a secret; fault.NotFound when the app has none of that id.
func (s *Service) RemoveSecret(ctx context.Context, a directory.App, id string) error {
	left := slices.DeleteFunc(slices.Clone(a.Secrets), func(x directory.Secret) bool { return x.ID == id })
	if len(left) == len(a.Secrets) {
		return fault.New(fault.NotFound, "application %q has no password credential %q", a.DisplayName, id)
	}
	a.Secrets = left
	_, err := s.Apps().Save(ctx, a)
	return err
}

func newSecret() (directory.Secret, string) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	plain := base64.RawURLEncoding.EncodeToString(random[:])
	return directory.Secret{ID: newID(), Hint: plain[:3], Hash: oauth.SHA256(plain)}, plain
}

func (s *Service) checkApp(ctx context.Context, old, a *directory.App) error {
	if old == nil {
		a.ID, a.ObjectID, a.CreatedAt, a.BuiltIn = directory.AppID(newID()), newID(), s.now(), false
	} else {
		a.ObjectID, a.CreatedAt, a.BuiltIn = old.ObjectID, old.CreatedAt, old.BuiltIn
	}
	if a.BuiltIn {
		same := *a
		same.Keys, same.Secrets, same.Revision = old.Keys, old.Secrets, old.Revision
		if !reflect.DeepEqual(normal(same), normal(*old)) {
			return fault.New(fault.Invalid, "application %q is part of the product; only its keyCredentials and passwordCredentials may change", old.DisplayName)
		}
		return together(s.checkKeys(a)...)
	}
	errs := append([]error{checkText("displayName", a.DisplayName, 1, 256)}, s.checkKeys(a)...)
	for _, uri := range a.RedirectURIs {
		errs = append(errs, checkRedirect(uri, a.Public))
	}
	for _, p := range a.Permissions {
		if !slices.Contains(directory.Permissions(), p) {
			errs = append(errs, fault.New(fault.Invalid, "permission %q does not exist; valid are %s", p, strings.Join(directory.Permissions(), ", ")))
		}
	}
	if a.Public && (len(a.Secrets) > 0 || len(a.Permissions) > 0) {
		errs = append(errs, fault.New(fault.Invalid, "application %q is a public client; it can hold neither secrets nor permissions of its own", a.DisplayName))
	}
	errs = append(errs, s.checkSite(a.Site), checkMarks(a), s.checkEarlyBound(ctx, old, a))
	if err := together(errs...); err != nil {
		return err
	}
	return s.checkNames(ctx, *a)
}

// normal makes empty and absent lists equal.
func normal(a directory.App) directory.App {
	for _, list := range []*[]string{&a.RedirectURIs, &a.IdentifierURIs, &a.Permissions, &a.Tags} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	if len(a.Attributes) == 0 {
		a.Attributes = nil
	}
	if len(a.EarlyBound) == 0 {
		a.EarlyBound = nil
	}
	a.CreatedAt = a.CreatedAt.UTC()
	return a
}

// checkNames refuses names that would let an app pass for another one: its
// identifiers as a resource and its external host must be its own.
func (s *Service) checkNames(ctx context.Context, a directory.App) error {
	for _, uri := range a.IdentifierURIs {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme == "" || (u.Host == "" && u.Opaque == "") || u.Fragment != "" {
			return fault.New(fault.Invalid, "identifierUris: %q is no absolute URI; use for example api://%s", uri, a.ID)
		}
		if strings.EqualFold(u.Hostname(), s.issuerHost) && u.Scheme != "api" {
			return fault.New(fault.Invalid, "identifierUris: %q names this service itself", uri)
		}
	}
	var taken error
	err := s.Apps().All(ctx, a.Tenant, func(o directory.App) bool {
		if o.ID == a.ID {
			return true
		}
		for _, uri := range a.IdentifierURIs {
			same := func(x string) bool { return strings.EqualFold(strings.TrimRight(x, "/"), strings.TrimRight(uri, "/")) }
			if slices.ContainsFunc(o.IdentifierURIs, same) || same(string(o.ID)) {
				taken = fault.New(fault.Conflict, "identifierUris: %q belongs to application %q", uri, o.DisplayName)
			}
		}
		if a.Site != nil && o.Site != nil && a.Site.Host == o.Site.Host {
			taken = fault.New(fault.Conflict, "onPremisesPublishing.externalUrl: host %q belongs to application %q", a.Site.Host, o.DisplayName)
		}
		return taken == nil
	})
	if err != nil {
		return err
	}
	return taken
}

// checkSite wants an external host of its own: on the issuer's host a site's
// scripts could reach the sign-in pages.
func (s *Service) checkSite(site *directory.Site) error {
	if site == nil {
		return nil
	}
	host := strings.ToLower(site.Host)
	_, ipErr := netip.ParseAddr(host)
	switch {
	case host == "" || host != strings.Trim(host, ".") || strings.ContainsAny(host, "/:@*?#% \t") || ipErr == nil:
		return fault.New(fault.Invalid, "onPremisesPublishing.externalUrl: host is %q; it must be a host name, without port", site.Host)
	case host == s.issuerHost:
		return fault.New(fault.Invalid, "onPremisesPublishing.externalUrl: %q is the host of this service; a site needs a host of its own", host)
	}
	site.Host = host
	u, err := url.Parse(site.Upstream)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fault.New(fault.Invalid, "onPremisesPublishing.internalUrl is %q; it must be an http or https URL without user, query or fragment", site.Upstream)
	}
	return nil
}

// checkRedirect wants https, or http on loopback for apps on the person's own
// machine, or a private scheme for public clients (RFC 8252 section 7).
func checkRedirect(uri string, public bool) error {
	u, err := url.Parse(uri)
	bad := fault.New(fault.Invalid, "redirect URI %q: it must be an absolute https URL without fragment, http on loopback, or for public clients a private scheme such as com.example.app://done", uri)
	if err != nil || u.Fragment != "" || strings.ContainsAny(uri, "#*\\ \t\r\n") || u.User != nil {
		return bad
	}
	switch u.Scheme {
	case "https":
		if u.Hostname() != "" {
			return nil
		}
	case "http":
		if slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname()) {
			return nil
		}
	default:
		if public && (strings.Contains(u.Scheme, ".") || strings.HasPrefix(u.Scheme, "msal")) {
			return nil
		}
	}
	return bad
}

// checkKeys completes keys and refuses certificates that cannot verify a client
// assertion.
func (s *Service) checkKeys(a *directory.App) (errs []error) {
	a.Keys = slices.Clone(a.Keys)
	for i := range a.Keys {
		k := &a.Keys[i]
		cert, err := x509.ParseCertificate(k.Certificate)
		if err != nil {
			errs = append(errs, fault.New(fault.Invalid, "keyCredentials[%d].key is no X.509 certificate; it must be base64 of DER", i))
			continue
		}
		if !strong(cert.PublicKey) {
			errs = append(errs, fault.New(fault.Invalid, "keyCredentials[%d].key holds a key that is too weak or of an unknown kind; use ECDSA, Ed25519 or RSA with at least %d bits", i, minRSABits))
		}
		if k.ID == "" {
			k.ID = newID()
		}
		if k.ExpiresAt.IsZero() || k.ExpiresAt.After(cert.NotAfter) {
			k.ExpiresAt = cert.NotAfter.UTC()
		}
	}
	return errs
}

func strong(key any) bool {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return key.Curve.Params().BitSize >= 256
	case *rsa.PublicKey:
		return key.N.BitLen() >= minRSABits
	case ed25519.PublicKey:
		return true
	}
	return false
}
