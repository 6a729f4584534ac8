package agent_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/postern-mam/postern/test/play"
)

// An administrator finds an account compromised: a policy for people at high risk
// shuts it out of what is open already, and ending the risk lets it in again.
func TestAnAccountThatIsFoundCompromisedIsOutAtOnce(t *testing.T) { play.OnEveryEngine(t, compromised) }

func compromised(t *testing.T, h *play.House) {
	h.Furnish(t)
	h.Do(t, http.MethodPost, "/v1.0/identity/conditionalAccess/policies", map[string]any{
		"displayName": "Nobody at high risk", "state": "enabled", "grantControls": map[string]any{"operator": "OR", "builtInControls": []string{"block"}},
		"conditions": map[string]any{
			"clientAppTypes": []string{"all"}, "users": map[string]any{"includeUsers": []string{"All"}}, "userRiskLevels": []string{"high"},
			"applications": map[string]any{"includeApplications": []string{"All"}},
		},
	}, nil)
	b := h.Browser(t, h.Agent(t))
	open := func() bool {
		t.Helper()
		page, err := b.Open(t.Context(), h.SiteURL("/"))
		if err != nil {
			t.Fatal(err)
		}
		return page.Status == http.StatusOK
	}
	if !open() {
		t.Fatal("the person is not in")
	}
	assess := func(action string) {
		t.Helper()
		h.Do(t, http.MethodPost, "/v1.0/identityProtection/riskyUsers/"+action, map[string]any{"userIds": []string{h.User}}, nil)
	}
	began := time.Now()
	assess("confirmCompromised")
	if open() {
		t.Error("who was found compromised is still in")
	}
	t.Logf("out %s after the administrator said so", time.Since(began))
	var log struct {
		Value []struct {
			Status struct {
				ErrorCode         int     `json:"errorCode"`
				AdditionalDetails *string `json:"additionalDetails"`
			} `json:"status"`
		} `json:"value"`
	}
	h.Do(t, http.MethodGet, "/v1.0/auditLogs/signIns?$top=1&$filter=userId%20eq%20'"+h.User+"'%20and%20status/errorCode%20ne%200", nil, &log)
	if len(log.Value) != 1 || log.Value[0].Status.ErrorCode != 53003 || log.Value[0].Status.AdditionalDetails == nil || *log.Value[0].Status.AdditionalDetails != `Blocked as intended by "Nobody at high risk"` {
		t.Errorf("the log says %+v", log.Value)
	}
	assess("dismiss")
	if !open() {
		t.Error("who is at no risk any more is still out")
	}
}
