package graph_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/strength"
)

const signInLog = "/v1.0/auditLogs/signIns"

// signedIn records a sign-in in the real store.
func (w *world) signedIn(id string, change func(*access.Record)) {
	w.Helper()
	r := access.Record{
		ID: id, Tenant: w.boot.Tenant, User: "u1", Client: "app1", ClientAppType: access.Browser, Code: 53009, At: now, Outcome: access.Denied, Device: "pc1",
		Applied: []access.Applied{{Policy: "p", DisplayName: "Protect", Result: access.Failure, Enforced: []access.Control{access.MFA}}},
	}
	change(&r)
	if err := w.store.Gate().RecordSignIn(w.Context(), r); err != nil {
		w.Fatal(err)
	}
}

func TestTheSignInLogTellsWhatEachPolicyDid(t *testing.T) {
	w := newWorld(t)
	w.signedIn("a", func(*access.Record) {})
	w.signedIn("b", func(r *access.Record) {
		r.User, r.Code, r.Outcome, r.Applied[0].Result = "u2", 0, access.Granted, access.Success
		r.Applied = append(r.Applied, access.Applied{Policy: "q", DisplayName: "Watch", Result: access.ReportOnlyFailure})
	})
	w.signedIn("c", func(r *access.Record) { r.Applied[0].Enforced = []access.Control{access.Block} })
	a := w.get(signInLog + "?$top=2&$orderby=createdDateTime%20desc").want(200)
	first := answer{world: w, body: a.values()[0], what: signInLog}
	first.has(`{"id":"c","conditionalAccessStatus":"failure","clientAppUsed":"Browser","location":null,
		"status":{"errorCode":53009,"failureReason":null,"additionalDetails":"Blocked as intended by \"Protect\""},
		"appliedConditionalAccessPolicies":[{"id":"p","displayName":"Protect","enforcedGrantControls":["Block"],"enforcedSessionControls":[],"result":"failure"}]}`)
	w.get("/beta/auditLogs/signIns/a").want(200).has(`{"authenticationProtocol":"none","status":{"errorCode":53009,"failureReason":null,"additionalDetails":null},
		"appliedConditionalAccessPolicies":[{"id":"p","displayName":"Protect","enforcedGrantControls":["Mfa"],
		"enforcedSessionControls":[],"result":"failure","conditionsSatisfied":"none","conditionsNotSatisfied":"none"}]}`)
	next := strings.TrimPrefix(a.text("@odata.nextLink"), base)
	if got := w.get(next).want(200).values(); len(got) != 1 || got[0]["id"] != "a" {
		t.Errorf("second page: %v", got)
	}
	w.get(signInLog + "/b").want(200).has(`{"id":"b","userId":"u2","conditionalAccessStatus":"success","riskLevelDuringSignIn":"none","deviceDetail":{"deviceId":"pc1",
		"displayName":"","isCompliant":false,"isManaged":false,"operatingSystem":"","trustType":"Workplace"}}`)
	w.get(signInLog + "/none").refused(404)
	w.get(signInLog+"?$filter=colour%20eq%20'x'").refused(400, "colour")
	w.get(signInLog+"?$skiptoken=bm9uc2Vuc2U").refused(400, "$skiptoken", "@odata.nextLink")
}

func TestTheSignInLogTellsWhatWasKnown(t *testing.T) {
	w := newWorld(t)
	w.signedIn("a", func(r *access.Record) {
		r.Facts = &access.Facts{
			User: "u1", Guest: directory.B2BCollaborationGuest, HomeTenant: "fabrikam", Country: "DE", SignInRisk: access.RiskLow, UserRisk: access.RiskHigh,
			Methods: strength.Password | strength.SoftwareOath, Device: &access.Device{Compliant: true, Managed: true}, AuthAt: now.Add(-time.Hour), MFAAt: now, Now: now,
			Resources: []access.Resource{{ID: "app1"}, {ID: "app2"}}, Contexts: []access.ContextID{"c1"}, OriginalTransfer: access.DeviceCodeFlow, Bound: true,
		}
		r.UserDisplayName, r.DeviceName, r.Session, r.Took, r.Interactive = "Ada", "Ada's PC", "s", 2*time.Millisecond, true
		r.Controls = &access.Session{ReauthAfter: 4 * time.Hour}
	})
	w.signedIn("b", func(r *access.Record) {
		r.User, r.Protocol, r.Facts = "", "clientCredentials", &access.Facts{Workload: "app1"}
	})
	w.signedIn("c", func(r *access.Record) {
		r.Protocol, r.Controls, r.Facts = "refreshToken", &access.Session{ReauthEveryTime: true}, &access.Facts{User: "u1", Guest: directory.B2BCollaborationMember}
	})
	v1 := w.get(signInLog + "/a").want(200)
	v1.has(`{"location":{"countryOrRegion":"DE"},"riskLevelDuringSignIn":"low","riskLevelAggregated":"high","riskState":"atRisk",
		"userDisplayName":"Ada","deviceDetail":{"deviceId":"pc1","displayName":"Ada's PC","isCompliant":true,"isManaged":true,"operatingSystem":"","trustType":"Workplace"}}`)
	if v1.body["sessionId"] != nil {
		t.Errorf("v1.0 has properties of beta: %s", v1.raw)
	}
	beta := func(id string) answer { return w.get("/beta/auditLogs/signIns/" + id).want(200) }
	beta("a").has(fmt.Sprintf(`{"authenticationRequirement":"multiFactorAuthentication","sessionId":"s","userType":"guest","signInEventTypes":["interactiveUser"],
		"authenticationMethodsUsed":["password","softwareOath"],"processingTimeInMilliseconds":2,"originalTransferMethod":"deviceCodeFlow","homeTenantId":"fabrikam",
		"crossTenantAccessType":"b2bCollaboration","conditionalAccessAudiences":["app1","app2"],"signInTokenProtectionStatus":"bound","incomingTokenType":"none",
		"authenticationContextClassReferences":[{"id":"c1","detail":"required"}],
		"sessionLifetimePolicies":[{"detail":"Sign in again after PT4H","expirationRequirement":"signInFrequencyPeriodicReauthentication"}],
		"authenticationDetails":[{"authenticationMethod":"password","authenticationStepDateTime":%q,"authenticationStepRequirement":"Primary authentication",
			"authenticationStepResultDetail":"First factor requirement satisfied by claim in the token","succeeded":true},
			{"authenticationMethod":"softwareOath","authenticationStepDateTime":%q,"authenticationStepRequirement":"Multifactor authentication",
			"authenticationStepResultDetail":null,"succeeded":true}]}`, stamp(now.Add(-time.Hour)), stamp(now)))
	beta("b").has(`{"signInEventTypes":["servicePrincipal"],"authenticationProtocol":"clientCredentials","originalTransferMethod":"none","crossTenantAccessType":"none"}`)
	beta("c").has(`{"signInEventTypes":["nonInteractiveUser"],"incomingTokenType":"refreshToken","userType":"member","signInTokenProtectionStatus":"unbound",
		"sessionLifetimePolicies":[{"detail":"Sign in every time","expirationRequirement":"signInFrequencyEveryTime"}]}`)
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.0000000Z") }

// Whatever is asked for finds the same as looking at every entry would.
func TestTheSignInLogIsAsked(t *testing.T) {
	w := newWorld(t)
	for i := range 7 {
		w.signedIn(fmt.Sprint(i), func(r *access.Record) {
			r.At, r.CorrelationID, r.UserPrincipalName = now.Add(time.Duration(i)*time.Hour), fmt.Sprintf("Request-%d", i/2), fmt.Sprintf("Ada%d@contoso.example", i%2)
			if i%3 == 0 {
				r.Code, r.Outcome, r.Applied[0].Result, r.Client = 0, access.Granted, access.Success, "app2"
			}
		})
	}
	at := func(hours int) string { return stamp(now.Add(time.Duration(hours) * time.Hour)) }
	for query, want := range map[string]string{
		"": "6543210", "userId eq 'U1'": "6543210", "userId eq 'u2'": "", "appId eq 'app2'": "630", "appId eq 'app2' or appId eq 'app1'": "6543210",
		"userPrincipalName eq 'ADA1@contoso.example'": "531", "correlationId eq 'request-1'": "32", "conditionalAccessStatus eq 'failure'": "5421",
		"conditionalAccessStatus eq 'success'": "630", "status/errorCode ne 0": "5421", "status/errorCode eq 0": "630", "status/errorCode eq 53009 and userPrincipalName eq 'ada1@contoso.example'": "51",
		"createdDateTime ge " + at(2) + " and createdDateTime lt " + at(5): "432", "createdDateTime gt " + at(5): "6", "createdDateTime le " + at(1) + " and appId eq 'app2'": "0",
	} {
		for order, turn := range map[string]bool{"": false, "createdDateTime desc": false, "createdDateTime": true} {
			got, link := "", signInLog+"?$top=2&$filter="+url.QueryEscape(query)+"&$orderby="+url.QueryEscape(order)
			if query == "" {
				link = signInLog + "?$top=2&$orderby=" + url.QueryEscape(order)
			}
			for pages := 0; link != "" && pages < 9; pages++ {
				a := w.get(strings.TrimSuffix(link, "&$orderby=")).want(200)
				for _, v := range a.values() {
					id, _ := v["id"].(string)
					if turn {
						got = id + got
					} else {
						got += id
					}
				}
				link, _ = a.body["@odata.nextLink"].(string)
				link = strings.TrimPrefix(link, base)
			}
			if got != want {
				t.Errorf("%s, ordered by %q: %q, want %q", query, order, got, want)
			}
		}
	}
	if got := w.get(signInLog + "?$orderby=appId&$count=true").want(200); got.body["@odata.count"] != 7.0 || got.values()[6]["appId"] != "app2" {
		t.Errorf("sorted by another property: %s", got.raw)
	}
	if got := w.get(signInLog + "/$count?$filter=" + url.QueryEscape("appId eq 'app2'")).want(200); got.raw != "3" {
		t.Errorf("counted: %s", got.raw)
	}
}
