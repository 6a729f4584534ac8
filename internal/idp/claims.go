package idp

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/oauth"
)

// accessClaims are the claims of an access token (RFC 9068, RFC 9449 section 6,
// and the names that Entra's clients and resources read).
type accessClaims struct {
	Issuer       string              `json:"iss"`
	Subject      string              `json:"sub"`
	Audience     directory.AppID     `json:"aud"`
	ExpiresAt    int64               `json:"exp"`
	IssuedAt     int64               `json:"iat"`
	NotBefore    int64               `json:"nbf"`
	ID           string              `json:"jti"`
	Tenant       directory.TenantID  `json:"tid"`
	Object       string              `json:"oid"`
	ClientID     directory.AppID     `json:"client_id"`
	AZP          directory.AppID     `json:"azp"`
	AppID        directory.AppID     `json:"appid"`
	Scope        string              `json:"scp,omitempty"`
	Roles        []string            `json:"roles,omitempty"`
	Session      directory.SessionID `json:"sid,omitempty"`
	Confirmation *confirmation       `json:"cnf,omitempty"`
	Capabilities []string            `json:"xms_cc,omitempty"`
	Contexts     []string            `json:"acrs,omitempty"` // authentication contexts that are met
	IDType       string              `json:"idtyp"`          // "user" or "app"
	Version      string              `json:"ver"`
}

type confirmation struct {
	JKT string `json:"jkt"`
}

// idClaims are the claims of an ID token (OpenID Connect Core section 2).
type idClaims struct {
	Issuer    string              `json:"iss"`
	Subject   string              `json:"sub"`
	Audience  directory.AppID     `json:"aud"`
	ExpiresAt int64               `json:"exp"`
	IssuedAt  int64               `json:"iat"`
	NotBefore int64               `json:"nbf"`
	AuthTime  int64               `json:"auth_time"`
	Methods   []string            `json:"amr,omitempty"`
	Nonce     string              `json:"nonce,omitempty"`
	Session   directory.SessionID `json:"sid"`
	Tenant    directory.TenantID  `json:"tid"`
	Object    directory.UserID    `json:"oid"`
	UserName  string              `json:"preferred_username,omitempty"`
	Name      string              `json:"name,omitempty"`
	Email     string              `json:"email,omitempty"`
	Version   string              `json:"ver"`
}

// base returns the claims that every access token to r has.
func (x *exchange) base(s *Service, r target, ends time.Time) accessClaims {
	now := s.now()
	if full := now.Add(accessTokenFor); ends.IsZero() || full.Before(ends) {
		ends = full
	}
	c := accessClaims{
		Issuer: s.issuer(x.call.Tenant), Audience: r.id, ExpiresAt: ends.Unix(), IssuedAt: now.Unix(), NotBefore: now.Unix(),
		ID: rand.Text(), Tenant: x.call.Tenant, ClientID: x.client.ID, AZP: x.client.ID, AppID: x.client.ID, Version: "2.0",
	}
	if x.proof != nil {
		c.Confirmation = &confirmation{JKT: x.proof.JKT}
	}
	if x.request.Claims.Capable {
		c.Capabilities = []string{oauth.CapabilityCP1}
	}
	return c
}

// userTokens signs the tokens of a user's grant.
func (s *Service) userTokens(ctx context.Context, x *exchange, f facts) (oauth.Tokens, error) {
	c := x.base(s, f.target, f.session.ExpiresAt)
	c.Subject, c.Object, c.IDType = string(f.user.ID), string(f.user.ID), "user"
	c.Scope, c.Session = strings.Join(f.target.granted, " "), f.session.ID
	c.Contexts = x.contexts
	c.Roles = userPermissions(f.user, f.target.id, f.target.granted)
	out, err := s.access(ctx, c)
	if err != nil {
		return out, err
	}
	out.Scope = grantedScope(f.scope, f.target)
	if f.scope.OpenID {
		out.IDToken, err = s.sign(ctx, typeID, x.id(s, f))
	}
	if x.request.ClientInfo && err == nil {
		out.ClientInfo, err = clientInfo(f.user)
	}
	return out, err
}

func (s *Service) access(ctx context.Context, c accessClaims) (oauth.Tokens, error) {
	token, err := s.sign(ctx, typeAccess, c)
	lives := int(c.ExpiresAt - c.IssuedAt)
	out := oauth.Tokens{TokenType: "Bearer", AccessToken: token, ExpiresIn: lives, ExtExpiresIn: lives}
	if c.Confirmation != nil {
		out.TokenType = "DPoP"
	}
	return out, err
}

func (x *exchange) id(s *Service, f facts) idClaims {
	now := s.now()
	c := idClaims{
		Issuer: s.issuer(x.call.Tenant), Subject: string(f.user.ID), Audience: x.client.ID,
		ExpiresAt: now.Add(idTokenFor).Unix(), IssuedAt: now.Unix(), NotBefore: now.Unix(),
		AuthTime: f.session.AuthAt.Unix(), Methods: f.session.Methods, Nonce: x.nonce,
		Session: f.session.ID, Tenant: x.call.Tenant, Object: f.user.ID, Version: "2.0",
	}
	// MSAL names its accounts by these, and always asks for profile.
	if f.scope.Profile {
		c.UserName, c.Name = f.user.UserPrincipalName, f.user.DisplayName
	}
	if f.scope.Email {
		c.Email = f.user.Mail
	}
	return c
}

// grantedScope is the scope of a token response: what was asked, and the names
// behind .default, as Entra has it.
func grantedScope(asked oauth.Scope, r target) string {
	if !r.isOIDC {
		names := slices.Clone(asked.Names)
		for _, n := range r.granted {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
		asked.Names = names
	}
	return asked.String()
}

// clientInfo is how MSAL identifies an account.
func clientInfo(u directory.User) (string, error) {
	doc, err := json.Marshal(map[string]string{"uid": string(u.ID), "utid": string(u.Tenant)})
	return base64.RawURLEncoding.EncodeToString(doc), err
}
