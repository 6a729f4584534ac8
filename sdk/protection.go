package sdk

import (
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/wire"
)

// Protection is what a program enforces that is a protected app together with
// this client, such as the browser of the same account.
type Protection struct {
	Authority     string            `json:"authority"` // https://host/{tenant}
	SignIn        string            `json:"signIn"`    // origin of the sign-in pages
	Enrolled      bool              `json:"enrolled"`
	Origins       []string          `json:"origins"`  // sites of the organisation
	Settings      map[string]string `json:"settings"` // every data protection setting, spelled as Graph spells it
	Configuration []wire.Configured `json:"configuration"`
	PolicyETag    string            `json:"policyEtag"`
	Decision      Decision          `json:"decision"`
}

// Protection returns what to enforce now. Where access is cut or the policy
// cannot be read, every transfer is forbidden.
func (c *Client) Protection() Protection {
	d := c.Decide()
	s := c.snapshot()
	p := Protection{
		Authority: c.cfg.Authority, SignIn: c.origin, Enrolled: s.Registration != "", Origins: s.Policy.OrganizationOrigins,
		Settings: map[string]string{}, Configuration: s.Policy.Configuration, PolicyETag: s.Policy.ETag, Decision: d,
	}
	settings, err := s.settings()
	if err != nil || !d.Allowed() {
		settings = protection.Settings{ReceiveFrom: protection.NoApps, SendTo: protection.NoApps, Clipboard: protection.NoClipboard, PrintBlocked: true}
	}
	settings = settings.WithDefaults()
	for _, setting := range protection.Catalogue() {
		if !setting.HealthCheck() {
			p.Settings[setting.Name] = setting.Value(settings)
		}
	}
	return p
}

// Changed returns a channel that gets a value when what this client keeps may
// have changed: a policy, a verdict, the end of it. Several changes may be one
// value, and one reader gets each.
func (c *Client) Changed() <-chan struct{} { return c.changed }

// change tells the reader of Changed.
func (c *Client) change() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}
