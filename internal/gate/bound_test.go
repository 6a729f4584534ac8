package gate_test

import (
	"testing"

	"github.com/postern-mam/postern/internal/access"
)

// Whoever steals a bearer token of a public client can show it from anywhere,
// whatever the browser proved in which the sign-in took place.
func TestADeviceBindsABrowserAndNoPublicClientThatShowsNoKey(t *testing.T) {
	w := healthy()
	p := demand()
	p.Conditions.ClientAppTypes, p.Session = []access.ClientAppType{access.AllClientApps}, &access.SessionControls{TokenProtection: access.On}
	w.config.Access = []access.Policy{p}
	decide := func(public, bound bool) access.Decision {
		t.Helper()
		r := request()
		w.facts.Client.Public, r.Bound = public, bound
		if public {
			r.ClientAppType = ""
		}
		ruling, err := service(t, w).Decide(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return ruling.Decision
	}
	if d := decide(false, false); d.Outcome != access.Granted {
		t.Errorf("a browser that proved its device: %v", d)
	}
	if d := decide(true, false); d.Outcome != access.Denied || d.Code != access.CodeTokenNotBound {
		t.Errorf("a public client without a key: %v", d)
	}
	if d := decide(true, true); d.Outcome != access.Granted {
		t.Errorf("a public client with a key: %v", d)
	}
}
