// Package play starts the real postern binary and gives tests the people and
// machines around it: an administrator's script, a threat partner, an internal
// site, browsers and agents.
package play

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/demo"
	"github.com/postern-mam/postern/internal/oauth"
	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

// Names used throughout.
const (
	Edge        = "com.microsoft.edge"
	EdgeVersion = "130.0.2849.80"
	startLimit  = 30 * time.Second
)

// Build compiles postern and returns the path of the binary, or the one that
// POSTERN_BINARY names.
func Build(t testing.TB) string {
	t.Helper()
	if bin := os.Getenv("POSTERN_BINARY"); bin != "" {
		return bin
	}
	bin := filepath.Join(t.TempDir(), "postern")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "github.com/postern-mam/postern/cmd/postern").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// BuildAgent compiles postern-agent, or copies the binary that POSTERN_AGENT_BINARY
// names, and returns the path of a binary that this test alone runs.
func BuildAgent(t testing.TB) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "postern-agent")
	if made := os.Getenv("POSTERN_AGENT_BINARY"); made != "" {
		program, err := os.ReadFile(made)
		check(t, err)
		check(t, os.WriteFile(bin, program, 0o700))
		return bin
	}
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "github.com/postern-mam/postern/cmd/postern-agent").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// House is a running service with everybody around it.
type House struct {
	demo.Service
	Graph     *demo.Administrator
	Partner   *demo.Partner
	Site      *demo.Intranet
	Transport *http.Transport
	User      string // identifier
	SiteApp   string // application of the published site
	Name      string // user principal name
	Password  string

	bin, data, listen string
	args              []string
	cmd               *exec.Cmd
	done              chan error
}

// OnEveryEngine runs a test on the embedded database and, where
// POSTERN_TEST_POSTGRES names one, on PostgreSQL. Where everything is required
// it fails without.
func OnEveryEngine(t *testing.T, test func(t *testing.T, h *House)) {
	bin := Build(t)
	t.Run("sqlite", func(t *testing.T) { test(t, Start(t, bin)) })
	t.Run("postgres", func(t *testing.T) {
		database := os.Getenv("POSTERN_TEST_POSTGRES")
		if database == "" && os.Getenv("POSTERN_REQUIRE_DATA") == "1" {
			t.Fatal("POSTERN_TEST_POSTGRES is required here and missing")
		}
		if database == "" {
			t.Skip("POSTERN_TEST_POSTGRES names no PostgreSQL")
		}
		test(t, StartOn(t, bin, database))
	})
}

// StartOn is Start on a schema of its own of a PostgreSQL.
func StartOn(t testing.TB, bin, database string) *House {
	t.Helper()
	schema := "play_" + strings.ToLower(rand.Text())
	if out, err := exec.CommandContext(t.Context(), "psql", "-q", database, "-c", "CREATE SCHEMA "+schema).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return start(t, bin, "--database", database+"&search_path="+schema)
}

// Start runs the binary on a fixed free port of loopback with a fresh data
// directory, on the embedded database.
func Start(t testing.TB, bin string) *House { return start(t, bin) }

// StartWith is Start with further flags of "serve".
func StartWith(t testing.TB, bin string, args ...string) *House {
	t.Helper()
	return start(t, bin, args...)
}

func start(t testing.TB, bin string, args ...string) *House {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	h := &House{bin: bin, args: args, data: filepath.Join(t.TempDir(), "data"), listen: ln.Addr().String()}
	check(t, ln.Close())
	h.Run(t)
	t.Cleanup(func() { h.Kill(t) })
	h.read(t)
	pool := x509.NewCertPool()
	pem, err := os.ReadFile(h.CACertificate)
	check(t, err)
	pool.AppendCertsFromPEM(pem)
	h.Transport = &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 256,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if host, _, err := net.SplitHostPort(addr); err == nil && host == demo.SiteHost {
				addr = h.listen // as DNS would say
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	}
	h.Graph = demo.NewAdministrator(h.Service, h.Client(), time.Now)
	return h
}

// Client returns an HTTP client that trusts the service.
func (h *House) Client() *http.Client { return &http.Client{Transport: h.Transport} }

// Run starts the binary and waits until it serves.
func (h *House) Run(t testing.TB) {
	t.Helper()
	args := []string{"serve", "--data", h.data, "--listen", h.listen, "--log-level", "error"}
	h.cmd = exec.Command(h.bin, append(args, h.args...)...)
	h.cmd.Stderr = os.Stderr
	out, err := h.cmd.StdoutPipe()
	check(t, err)
	check(t, h.cmd.Start())
	ready := make(chan bool, 1)
	h.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan error) {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "serving ") {
				ready <- true
			}
		}
		done <- cmd.Wait()
	}(h.cmd, h.done)
	select {
	case <-ready:
	case err := <-h.done:
		t.Fatalf("the service stopped: %v", err)
	case <-time.After(startLimit):
		t.Fatal("the service does not start")
	}
}

// Kill ends the binary as a power cut would.
func (h *House) Kill(t testing.TB) {
	t.Helper()
	if h.cmd == nil {
		return
	}
	_ = h.cmd.Process.Signal(syscall.SIGKILL)
	<-h.done
	h.cmd = nil
}

// Data is its data directory.
func (h *House) Data() string { return h.data }

// Database is the URL of its PostgreSQL, empty on the embedded database.
func (h *House) Database() string {
	if len(h.args) == 2 && h.args[0] == "--database" {
		return h.args[1]
	}
	return ""
}

// Process is the identifier of the running binary's process.
func (h *House) Process() int { return h.cmd.Process.Pid }

// Memory is the resident set of the binary, in kilobytes.
func (h *House) Memory(t testing.TB) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.cmd.Process.Pid))
	check(t, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "unknown"
}

func (h *House) read(t testing.TB) {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(h.data, "bootstrap.json"))
	check(t, err)
	check(t, json.Unmarshal(doc, &h.Service))
	h.Addr = h.listen
}

// Do calls Graph and fails the test when it refuses.
func (h *House) Do(t testing.TB, method, path string, in, out any) {
	t.Helper()
	check(t, h.Graph.Do(t.Context(), method, path, in, out))
}

type object struct {
	ID    string `json:"id"`
	AppID string `json:"appId"`
}

// Furnish makes a person, a published site, an app protection policy, the
// access policy that wants it, and a threat connector.
func (h *House) Furnish(t testing.TB) {
	t.Helper()
	var err error
	h.Site, err = demo.OpenIntranet()
	check(t, err)
	t.Cleanup(h.Site.Close)
	h.Name, h.Password = "ada@postern.internal", "person-"+rand.Text()
	h.Do(t, "PATCH", "/v1.0/organization/"+h.TenantID, map[string]any{"postern": map[string]any{"allowDevelopmentHealth": true}}, nil)
	var user, site object
	h.Do(t, "POST", "/v1.0/users", map[string]any{
		"displayName": "Ada", "userPrincipalName": h.Name, "accountEnabled": true, "mailNickname": "ada",
		"passwordProfile": map[string]any{"password": h.Password, "forceChangePasswordNextSignIn": false},
	}, &user)
	h.Do(t, "POST", "/beta/applications", map[string]any{"displayName": "Intranet", "onPremisesPublishing": map[string]any{
		"externalUrl": "https://" + demo.SiteHost + "/", "internalUrl": h.Site.Addr + "/",
	}}, &site)
	h.User, h.SiteApp = user.ID, site.AppID
	h.Do(t, "POST", "/beta/deviceAppManagement/windowsManagedAppProtections", map[string]any{
		"@odata.type": "#microsoft.graph.windowsManagedAppProtection", "displayName": "Edge",
		"maximumAllowedDeviceThreatLevel": "low", "mobileThreatDefenseRemediationAction": "block",
		"periodOfflineBeforeAccessCheck": "PT720M", "periodOfflineBeforeWipeIsEnforced": "P90D",
		"apps":        []any{map[string]any{"mobileAppIdentifier": map[string]any{"@odata.type": "#microsoft.graph.windowsAppIdentifier", "windowsAppId": Edge}}},
		"assignments": []any{map[string]any{"target": map[string]any{"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget"}}},
	}, nil)
	h.Do(t, "POST", "/v1.0/identity/conditionalAccess/policies", map[string]any{
		"displayName": "Browsers need app protection", "state": "enabled",
		"conditions": map[string]any{
			"clientAppTypes": []string{"browser"}, "users": map[string]any{"includeUsers": []string{"All"}},
			"applications": map[string]any{"includeApplications": []string{"All"}},
		},
		"grantControls": map[string]any{"operator": "OR", "builtInControls": []string{"compliantApplication"}},
	}, nil)
	h.Partner, err = demo.NewPartner(h.Service, h.Client())
	check(t, err)
	h.Do(t, "PATCH", "/v1.0/applications(appId='"+demo.PartnerID+"')", h.Partner.Credential(), nil)
	h.Do(t, "POST", "/beta/deviceManagement/mobileThreatDefenseConnectors", map[string]any{
		"id": demo.PartnerID, "windowsMobileApplicationManagementEnabled": true,
	}, nil)
	check(t, h.Partner.SignIn(t.Context(), time.Now()))
}

// Browser returns a new browser of the person; agent, when not nil, proves the
// device in it.
func (h *House) Browser(t testing.TB, agent *sdk.Client) *demo.Browser {
	t.Helper()
	b, err := demo.NewBrowser(h.Transport)
	check(t, err)
	b.UserName, b.Password = h.Name, h.Password
	if agent != nil {
		b.Prove = agent.ProveDevice
	}
	return b
}

// Agent enrols a new PC of the person.
func (h *House) Agent(t testing.TB) *sdk.Client {
	t.Helper()
	c, err := sdk.New(sdk.Config{
		Authority: h.Authority, App: Edge, AppVersion: EdgeVersion, Dir: t.TempDir(), Health: demo.Health{}, HTTP: h.Client(),
		Browser: func(ctx context.Context, url string) error {
			_, err := h.Browser(t, nil).Open(ctx, url)
			return err
		},
	})
	check(t, err)
	check(t, c.Enroll(t.Context()))
	return c
}

// Report sends a health state of an agent's PC and returns when it is accepted.
func (h *House) Report(ctx context.Context, agent *sdk.Client, state string) error {
	return h.Partner.Report(ctx, wire.HealthState{UserID: h.User, App: Edge, DeviceID: agent.Status().DeviceID, State: state, UpdatedAt: time.Now()})
}

// SiteURL is the published site.
func (h *House) SiteURL(path string) string {
	_, port, _ := net.SplitHostPort(h.listen)
	return "https://" + net.JoinHostPort(demo.SiteHost, port) + path
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// EnrollURL is where an app sends a person to sign in for enrolment. Its answer
// goes to a loopback port, as an app's would; the site listens there.
func (h *House) EnrollURL() string {
	return h.Authority + "/oauth2/v2.0/authorize?" + url.Values{
		"client_id": {"0a5e7f10-1c1b-4d53-9a47-6b7e10a4a004"}, "response_type": {"code"}, "redirect_uri": {h.Site.Addr}, "state": {"s"},
		"scope": {wire.EnrollmentScope + " openid"}, "code_challenge": {oauth.SHA256("a verifier that nobody redeems")}, "code_challenge_method": {"S256"},
	}.Encode()
}
