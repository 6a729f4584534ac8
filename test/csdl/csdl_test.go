package csdl_test

import (
	"strings"
	"testing"

	"github.com/postern-mam/postern/test/csdl"
)

func TestFaultsAreFound(t *testing.T) {
	r := csdl.Read(t)
	if r == nil {
		t.Skip("POSTERN_GRAPHDATA names no folder with Graph's metadata")
	}
	const json = "application/json;charset=utf-8"
	for _, c := range []struct {
		url, kind, body string
		status          int
		fault           string // "": none
	}{
		{"/v1.0/groups?$top=1", json, `{"@odata.context":"https://x/v1.0/$metadata#groups","value":[{"@odata.type":"#microsoft.graph.group","id":"1"}]}`, 200, ""},
		{"/v1.0/groups", json, `{"@odata.context":"https://x/v1.0/$metadata#groups","value":[{"id":"1","title":"x"}]}`, 200, "title"},
		{"/v1.0/groups", json, `{"@odata.context":"https://x/v1.0/$metadata#users","value":[]}`, 200, "the path leads to"},
		{"/v1.0/groups", json, `{"@odata.context":"https://x/v1.0/$metadata#groups","@odata.nextLink":"/v1.0/groups","value":[]}`, 200, "not absolute"},
		{"/v1.0/groups", json, `{"@odata.context":"https://x/v1.0/$metadata#groups","@odata.count":"1","value":[]}`, 200, "@odata.count"},
		{"/v1.0/groups/1/members/$ref", json, `{"@odata.context":"https://x/v1.0/$metadata#Collection($ref)","value":[{"@odata.id":"https://x/1"}]}`, 200, ""},
		{"/v1.0/groups/1/members/$ref", json, `{"@odata.context":"https://x/v1.0/$metadata#groups","value":[]}`, 200, "not that of a Collection"},
		{"/v1.0/groups/1/members/$ref", json, `{"@odata.context":"https://x/v1.0/$metadata#Collection($ref)","value":[{"id":"1"}]}`, 200, "value[0]"},
		{"/v1.0/gruppen", json, `{"@odata.context":"https://x/v1.0/$metadata#groups","value":[]}`, 200, "no such path"},
		{"/v1.0/groups/1", json, `{"error":{"code":"NotFound","message":"x","innerError":{"date":"x","request-id":"x","client-request-id":"x"}}}`, 404, ""},
		{"/v1.0/groups/1", json, `{"error":{"code":"NotFound","message":"x"}}`, 404, "innerError.date"},
		{"/v1.0/groups/1", json, `{"error":{"code":"NotFound","message":"x"}}`, 200, "in the status"},
		{"/v1.0/groups/1", json, `{"error":{"code":"NotFound"`, 404, "no JSON object"},
		{"/v1.0/groups/1", "text/html", `<html>`, 404, "Content-Type"},
		{"/v1.0/groups/1", "", ``, 204, ""},
		{"/v1.0/groups/1", json, `{}`, 204, "204 with a body"},
		{"/v1.0/groups/$count", "text/plain", `7`, 200, ""},
		{"/v1.0/groups/$count", "text/plain", `seven`, 200, "text/plain"},
		{"/v2.0/groups", json, `{}`, 200, "no version"},
		{"/beta/$batch", json, `{"responses":[{"id":"1","status":200,"body":{"@odata.context":"https://x/beta/$metadata#groups","value":[{"title":"x"}]}}]}`, 200, "responses[0]: value[0].title"},
		{"/beta/$batch", json, `{"responses":[{"status":204}]}`, 200, "lacks id"},
		{"/v1.0/deviceAppManagement/managedAppRegistrations", json, `{"@odata.context":"https://x/v1.0/$metadata#deviceAppManagement/managedAppRegistrations","value":[
			{"@odata.type":"#microsoft.graph.windowsManagedAppRegistration","createdDateTime":"2026-01-01T00:00:00Z","lastSyncDateTime":"2026-01-01T00:00:00Z"}]}`, 200, ""},
	} {
		faults := r.Faults(csdl.Answer{Method: "GET", URL: c.url, Status: c.status, ContentType: c.kind, Body: []byte(c.body)})
		if all := strings.Join(faults, "; "); (c.fault == "") != (all == "") || !strings.Contains(all, c.fault) {
			t.Errorf("%s %s: faults are %q, expected %q", c.url, c.body, all, c.fault)
		}
	}
}
