// Package tunnel publishes internal web sites: who may pass, asked again at
// every request, and what is cut when that changes.
package tunnel

import (
	"context"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/oauth"
)

// Pass is a browser's session at one published site. It opens nothing by
// itself: every request is decided on the sign-in session behind it.
type Pass struct {
	Hash      string // base64url SHA-256 of the cookie
	Tenant    directory.TenantID
	Site      directory.AppID
	Session   directory.SessionID
	User      directory.UserID
	UserName  string // user principal name, for the upstream
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Store keeps passes and finds sites.
type Store interface {
	// SiteByHost finds the application published at host, or fault.NotFound.
	SiteByHost(ctx context.Context, host string) (directory.App, error)
	// Pass returns fault.NotFound when unknown.
	Pass(ctx context.Context, hash string) (Pass, error)
	// SavePass stores a new pass.
	SavePass(ctx context.Context, p Pass) error
	// DeletePass forgets a pass; forgetting none is not an error.
	DeletePass(ctx context.Context, hash string) error
}

// Gate decides. The hall connects it to the gate room.
type Gate interface {
	// Decide returns a ruling, or an error that must be treated as a denial.
	Decide(ctx context.Context, r access.Request) (access.Ruling, error)
}

// SignIns redeems the authorization code a site got back. The hall connects it
// to the idp room, which spends the code and checks client, redirect and PKCE.
type SignIns interface {
	// RedeemForSite returns the sign-in session and user behind code.
	RedeemForSite(ctx context.Context, r oauth.Redemption) (directory.SessionID, directory.User, error)
}
