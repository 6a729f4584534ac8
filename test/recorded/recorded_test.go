// Package recorded replays against the real binary what real clients sent to a
// recording server: the Graph SDKs for Go (v1.0 and beta), the Terraform
// providers azuread and microsoft365, and MSAL for Go. Each request goes out as
// it was recorded - method, path, query, headers, body, compressed where the
// client compressed - with identifiers and hosts mapped, and each answer is read
// as that client reads it: see reader for what it compares, and the statuses of
// each client for what it goes on after.
//
// Two tables in each test say what is not served yet and what is answered
// otherwise on purpose. Both are exact: an entry that nothing needs any more
// fails the test.
package recorded_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/demo"
	"github.com/postern-mam/postern/test/csdl"
	"github.com/postern-mam/postern/test/play"
)

// The clients, as the recording names them.
const (
	betaSDK      = "msgraph-beta-sdk-go"
	v1SDK        = "msgraph-sdk-go"
	azuread      = "terraform-provider-azuread"
	microsoft365 = "terraform-provider-microsoft365"
	msal         = "MSAL Go"
)

// What every recording has in common.
const (
	tenantThere = "0f6e3c40-1111-4222-8333-444455556666"
	clientThere = "cccccccc-0000-4000-8000-00000000cccc"
	userThere   = "33333333-2222-3333-4444-555555555555"
	objectThere = "aaaa1111-0000-4000-8000-00000000aaaa" // of the signed-in service principal
)

// later work, and why its requests are refused until then.
const (
	testOnly = "a path of the recording server, which plays faults"
)

// newClient starts a service for one client and signs it in.
func newClient(t *testing.T) *client {
	t.Helper()
	h := play.Start(t, play.Build(t))
	c := &client{
		house: h, reference: csdl.Read(t), statuses: kiota, unmade: map[string]bool{}, trimmed: map[string][]*member{},
		ids: map[string]string{tenantThere: h.TenantID, clientThere: h.ClientID},
	}
	c.signIn(t, url.Values{"scope": {"https://graph.microsoft.com/.default openid offline_access profile"}})
	return c
}

// signIn gets a token as an application, with what form adds.
func (c *client) signIn(t *testing.T, form url.Values) map[string]any {
	t.Helper()
	form.Set("grant_type", "client_credentials")
	form.Set("client_id", c.house.ClientID)
	form.Set("client_secret", c.house.ClientSecret)
	a := c.form(t, c.house.Authority+"/oauth2/v2.0/token", form)
	o := a.object()
	c.token, _ = o["access_token"].(string)
	if a.status != http.StatusOK || c.token == "" {
		t.Fatalf("no token: %v", a)
	}
	return o
}

func (c *client) form(t *testing.T, address string, form url.Values) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return c.do(t, r)
}

// kiota goes on after any success; what answers a POST it reads.
func kiota(x exchange, status int) bool {
	if x.Status >= http.StatusBadRequest {
		return status == x.Status
	}
	return status >= http.StatusOK && status < http.StatusMultipleChoices
}

// hamilton, the SDK under azuread, knows the codes it goes on after.
func hamilton(x exchange, status int) bool {
	switch {
	case x.Status >= http.StatusBadRequest:
		return status == x.Status
	case x.Method == http.MethodGet:
		return status == http.StatusOK
	}
	return slices.Contains([]int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent}, status)
}

type object struct {
	ID string `json:"id"`
}

// group makes one and returns its identifier.
func group(t *testing.T, h *play.House, name string) string {
	t.Helper()
	var g object
	h.Do(t, http.MethodPost, "/v1.0/groups", map[string]any{
		"displayName": name, "mailEnabled": false, "mailNickname": name, "securityEnabled": true,
	}, &g)
	return g.ID
}

// inhabit makes what a recording takes for granted: a person with an enrolled PC
// and, if tag names it, the tag of that PC.
func (c *client) inhabit(t *testing.T, tag string) {
	t.Helper()
	h := c.house
	h.Furnish(t)
	agent := h.Agent(t)
	var registrations struct {
		Value []struct {
			DeviceTag string `json:"deviceTag"`
		} `json:"value"`
	}
	h.Do(t, http.MethodGet, "/beta/deviceAppManagement/managedAppRegistrations", nil, &registrations)
	if len(registrations.Value) != 1 || registrations.Value[0].DeviceTag == "" {
		t.Fatalf("one registration with a device tag is expected: %+v", registrations)
	}
	// The clients make the tenant's connector themselves.
	h.Do(t, http.MethodDelete, "/v1.0/deviceManagement/mobileThreatDefenseConnectors/"+demo.PartnerID, nil, nil)
	c.ids[userThere] = h.User
	c.ids["99999999-2222-3333-4444-555555555555"] = agent.Status().DeviceID
	c.ids[`"`+tag+`"`] = `"` + registrations.Value[0].DeviceTag + `"`
}

func TestTheBetaSDKIsServed(t *testing.T) {
	c := newClient(t)
	c.hosts = []string{"http://127.0.0.1:8081"}
	c.inhabit(t, "device-tag-1")
	var other, filter object
	c.house.Do(t, http.MethodPost, "/v1.0/users", map[string]any{
		"displayName": "Grace", "userPrincipalName": "grace@postern.internal", "accountEnabled": true, "mailNickname": "grace",
		"passwordProfile": map[string]any{"password": "a long enough passphrase", "forceChangePasswordNextSignIn": false},
	}, &other)
	c.house.Do(t, http.MethodPost, "/beta/deviceManagement/assignmentFilters", map[string]any{
		"@odata.type": "#microsoft.graph.deviceAndAppManagementAssignmentFilter", "displayName": "Edge", "platform": "windowsMobileApplicationManagement",
		"assignmentFilterManagementType": "apps", "rule": `(app.osVersion -ge "10.0.22631.0")`, "roleScopeTags": []string{"0"},
	}, &filter)
	c.ids["%27u1%27"] = "%27" + c.house.User + "%27"
	c.ids["9a0a1a6c-aafc-4521-9cb6-e8d9748f2fcb"] = other.ID
	c.ids["11111111-2222-3333-4444-555555555555"] = group(t, c.house, "byod")
	c.ids["66666666-2222-3333-4444-555555555555"] = filter.ID
	c.departing = []*member{
		{request: "POST .*/targetedManagedAppConfigurations", path: []string{"apps"}, why: "Graph sends navigation properties when they are expanded"},
		{request: "POST .*/mobileThreatDefenseConnectors", path: []string{"lastHeartbeatDateTime"}, why: "is the partner's to say, not the administrator's"},
		{request: "POST .*/mobileThreatDefenseConnectors", path: []string{"partnerState"}, why: "follows from the partner's heartbeat"},
		{request: "POST .*/mobileThreatDefenseConnectors", path: []string{"windowsEnabled"}, why: "is about managed devices; here are none"},
	}
	c.replay(t, recording(t, betaSDK))
}

// pageAndMore is one more than a page holds when the client names no size.
const pageAndMore = 101

func TestTheV1SDKIsServed(t *testing.T) {
	c := newClient(t)
	c.hosts = []string{"http://127.0.0.1:8081"}
	c.inhabit(t, "tag")
	for i := range pageAndMore {
		c.house.Do(t, http.MethodPost, "/v1.0/identity/conditionalAccess/policies", map[string]any{
			"displayName": fmt.Sprintf("page %d", i), "state": "disabled",
			"conditions": map[string]any{
				"clientAppTypes": []string{"all"}, "users": map[string]any{"includeUsers": []string{"None"}},
				"applications": map[string]any{"includeApplications": []string{"None"}},
			},
			"grantControls": map[string]any{"operator": "OR", "builtInControls": []string{"block"}},
		}, nil)
	}
	c.ids["00000002-0000-0ff1-ce00-000000000000"] = c.house.SiteApp // what it asks about must exist
	c.later = []*later{
		{request: "GET /v1.0/fault/.*", why: testOnly},
	}
	c.departing = []*member{
		{request: "POST .*/mobileThreatDefenseConnectors", path: []string{"partnerState"}, why: "follows from the partner's heartbeat"},
	}
	c.replay(t, recording(t, v1SDK))
}

func TestTerraformAzureADIsServed(t *testing.T) {
	c := newClient(t)
	c.reader, c.statuses = reader{zeros: true}, hamilton
	c.hosts = []string{"https://localhost:8443"}
	all := recording(t, azuread)
	for _, x := range all {
		switch {
		case strings.HasPrefix(x.Path, "/metadata/"):
			c.metadata(t, x)
		case strings.HasSuffix(x.Path, "/token"):
			c.terraformToken(t, x)
		}
	}
	c.replay(t, all)
}

// metadata reads what the provider asks of a cloud first.
func (c *client) metadata(t *testing.T, x exchange) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), x.Method, c.house.GraphEndpoint+c.local(x), nil)
	if err != nil {
		t.Fatal(err)
	}
	a := c.do(t, r)
	o := a.object()
	signIn, _ := o["authentication"].(map[string]any)
	if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Fatalf("%s: %v", x.request(), a)
	}
	for name, v := range map[string]any{"name": o["name"], "resourceManager": o["resourceManager"]} {
		if s, _ := v.(string); s == "" {
			t.Errorf("%s: %s is missing", x.request(), name)
		}
	}
	for name, v := range map[string]any{"microsoftGraphResourceId": o["microsoftGraphResourceId"], "loginEndpoint": signIn["loginEndpoint"]} {
		if s, _ := v.(string); strings.TrimSuffix(s, "/") != c.house.GraphEndpoint {
			t.Errorf("%s: %s is %q, not %s", x.request(), name, s, c.house.GraphEndpoint)
		}
	}
}

// terraformToken gets a token as the provider does: for the resource that the
// metadata names. The provider reads the token's payload.
func (c *client) terraformToken(t *testing.T, x exchange) {
	t.Helper()
	c.signIn(t, url.Values{"scope": {c.house.GraphEndpoint + "/.default"}})
	_, payload, _ := strings.Cut(c.token, ".")
	payload, _, _ = strings.Cut(payload, ".")
	doc, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		OID, TID, AppID string
		Roles           []string
	}
	if err := json.Unmarshal(doc, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.OID == "" || claims.TID != c.house.TenantID || claims.AppID != c.house.ClientID || len(claims.Roles) == 0 {
		t.Errorf("%s: the provider reads oid, tid, appid and roles: %+v", x.request(), claims)
	}
	c.ids[objectThere] = claims.OID
}

func TestTerraformMicrosoft365IsServed(t *testing.T) {
	c := newClient(t)
	c.hosts = []string{"https://graph.microsoft.com", "https://localhost:8443"}
	c.replay(t, recording(t, microsoft365))
}
