package oauth_test

import (
	"testing"

	"github.com/postern-mam/postern/internal/oauth"
)

func TestASiteComesBackToItsOwnHostOnOurPort(t *testing.T) {
	for base, want := range map[string]string{
		"https://127.0.0.1:8443":      "https://intranet.example:8443/.postern/callback",
		"https://postern.example.com": "https://intranet.example/.postern/callback",
		"://":                         "https://intranet.example/.postern/callback",
	} {
		if got := oauth.SiteCallback(base, "intranet.example"); got != want {
			t.Errorf("%s: %s, want %s", base, got, want)
		}
	}
}
