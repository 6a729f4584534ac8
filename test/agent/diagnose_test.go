package agent_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/postern-mam/postern/internal/agent"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/test/play"
)

// secrets are what no bundle may hold, by what they are.
type secrets map[string][]byte

// addSigned adds what a compact JWS says and its signature; its header is no secret.
func (s secrets) addSigned(name, compact string) {
	parts := strings.Split(compact, ".")
	for i, part := range parts[1:] {
		s[name+" part "+string(rune('1'+i))] = []byte(part)
	}
}

// in names the secrets that doc holds: as they are, in base64 at each of the three
// places where they may begin in it, or in hexadecimal.
func (s secrets) in(doc []byte) (found []string) {
	for name, secret := range s {
		forms := [][]byte{secret, []byte(hex.EncodeToString(secret))}
		for shift := range 3 {
			for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				text := e.EncodeToString(append(make([]byte, shift), secret...))
				forms = append(forms, []byte(text[(shift*8+5)/6:len(text)-1]))
			}
		}
		for _, f := range forms {
			if bytes.Contains(doc, f) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

// line collects what is secret of the requests that pass.
type line struct {
	http.RoundTripper
	mu   sync.Mutex
	seen secrets
}

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.RoundTripper.RoundTrip(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen.addSigned("DPoP proof", r.Header.Get("DPoP"))
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "DPoP "); ok {
		l.seen.addSigned("access token", token)
	}
	if err == nil && answer.Header.Get("DPoP-Nonce") != "" {
		l.seen["DPoP nonce"] = []byte(answer.Header.Get("DPoP-Nonce"))
	}
	return answer, err
}

// works lets the app of p check in and save a file, and returns every secret of it.
func (p *pc) works(t *testing.T) secrets {
	t.Helper()
	tapped := &line{RoundTripper: p.house.Transport, seen: secrets{"file": []byte("a-sealed-sentence-of-the-organization"), "password": []byte(p.house.Password)}}
	c, err := sdk.New(sdk.Config{
		Authority: p.house.Authority, App: play.Edge, AppVersion: play.EdgeVersion, Dir: p.dir, Health: agent.Development{Path: p.health}, HTTP: &http.Client{Transport: tapped},
		Browser: func(context.Context, string) error { return nil },
	})
	if err == nil {
		err = c.Vault().Save("merger-with-fabrikam.txt", tapped.seen["file"])
	}
	if err == nil {
		_, err = c.CheckIn(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	s := tapped.seen
	read := func(name string) []byte {
		doc, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	s["key of the store"] = read("organization.key")
	block, _ := pem.Decode(read("device.key"))
	s["device key"] = block.Bytes[7:39] // the number itself (RFC 5915)
	var kept struct{ RefreshToken, SignedPolicy, Lease string }
	state := read("state.json")
	if err := json.Unmarshal(state, &kept); err != nil {
		t.Fatal(err)
	}
	s["refresh token"] = []byte(kept.RefreshToken)
	s.addSigned("signed policy", kept.SignedPolicy)
	s.addSigned("lease", kept.Lease)
	stored, err := filepath.Glob(filepath.Join(p.dir, "organization*", strings.Repeat("?", 64)))
	if err != nil || len(stored) == 0 {
		t.Fatalf("no file of the store: %v", err)
	}
	s["name of a file"] = []byte(filepath.Base(stored[0]))
	for name, secret := range s {
		if len(secret) < 8 {
			t.Fatalf("%s is %q: this test would find nothing", name, secret)
		}
	}
	if found := s.in(append(state, base64.StdEncoding.EncodeToString(read("organization.key"))...)); len(found) < 6 {
		t.Fatalf("in the state itself only %v is found: this test would find nothing", found)
	}
	return s
}

// configure tells the app two secrets, as administrators do who know no better.
func configure(t *testing.T, h *play.House) secrets {
	t.Helper()
	h.Do(t, http.MethodPost, "/beta/deviceAppManagement/targetedManagedAppConfigurations", map[string]any{
		"@odata.type": "#microsoft.graph.targetedManagedAppConfiguration", "displayName": "Edge",
		"customSettings": []any{
			map[string]any{"name": "com.example.licence", "value": "licence-4711-0815"},
			map[string]any{"name": "HomepageLocation", "value": "https://ada:homepage-password@intranet.example/"},
			map[string]any{"name": "SmartScreenEnabled", "value": "true"},
		},
		"apps":        []any{map[string]any{"mobileAppIdentifier": map[string]any{"@odata.type": "#microsoft.graph.windowsAppIdentifier", "windowsAppId": play.Edge}}},
		"assignments": []any{map[string]any{"target": map[string]any{"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"}}},
	}, nil)
	return secrets{"licence": []byte("licence-4711-0815"), "password of an address": []byte("homepage-password")}
}

// A person hands a bundle to whoever helps them: it holds no secret, and is not
// written over anything.
func TestABundleHoldsNoSecret(t *testing.T) {
	h := play.Start(t, play.Build(t))
	h.Furnish(t)
	configured := configure(t, h)
	p := install(t, h)
	p.enroll(t)
	all := p.works(t)
	for name, secret := range configured {
		all[name] = secret
	}
	path := filepath.Join(t.TempDir(), "bundle.zip")
	if out := p.agent(t, 0, "diagnose", "--file", path); !strings.Contains(out, path) {
		t.Errorf("it says %s", out)
	}
	if found := all.in([]byte(p.agent(t, 0, "diagnose"))); found != nil {
		t.Logf("on standard output: %v", found)
		t.Fail()
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	entries := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		entries[f.Name] = string(doc)
		for _, name := range all.in(doc) {
			t.Errorf("%s holds: %s", f.Name, name)
		}
		if bytes.Contains(doc, []byte(p.dir)) {
			t.Errorf("%s names the directory, which has the person's name in it", f.Name)
		}
	}
	for name, want := range map[string]string{
		"diagnostics.json": `"adapter": "development"`, "status.json": `"enrolled": true`, "policy.json": `"name": "com.example.licence"`,
		"versions.json": `"appVersion": "` + play.EdgeVersion, "files.json": `"name": "device.key"`, "journal.txt": "check-in: ",
	} {
		if !strings.Contains(entries[name], want) {
			t.Errorf("%s lacks %s: %s", name, want, entries[name])
		}
	}
	if !strings.Contains(entries["policy.json"], `"value": "true"`) {
		t.Errorf("a switch is no secret: %s", entries["policy.json"])
	}
	if out := p.agent(t, 2, "diagnose", "--file", path); !strings.Contains(out, "--force") {
		t.Errorf("over a file: %s", out)
	}
	p.agent(t, 0, "diagnose", "--file", path, "--force")
}
