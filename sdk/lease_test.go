package sdk_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/postern-mam/postern/wire"
)

// edit changes what an app keeps, as somebody with an editor and without its
// protection would.
func (p *pc) edit(change func(state map[string]any)) {
	p.t.Helper()
	path := filepath.Join(p.dir, "state.json")
	doc, err := os.ReadFile(path)
	must(p.t, err)
	var s map[string]any
	must(p.t, json.Unmarshal(doc, &s))
	change(s)
	doc, err = json.Marshal(s)
	must(p.t, err)
	must(p.t, os.WriteFile(path, doc, 0o600))
}

// reasons are the codes of why the app blocks now.
func (p *pc) reasons() (action string, codes []string) {
	p.t.Helper()
	d := p.start().Decide()
	for _, r := range d.Reasons {
		codes = append(codes, r.Code)
	}
	return d.Action, codes
}

func TestAPolicyThatWasChangedOnThePCIsNoPolicy(t *testing.T) {
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	loose := wire.Policy{ETag: "policy-1", Settings: map[string]string{"printOrgData": "allow"}}
	for name, change := range map[string]func(p *pc, s map[string]any){
		"signed by somebody else": func(p *pc, s map[string]any) {
			s["signedPolicy"] = p.compact(stranger, wire.TypePolicy, wire.SignedPolicy{Bound: p.bound(), Policy: loose})
		},
		"a lease in its place": func(p *pc, s map[string]any) {
			s["signedPolicy"] = p.compact(p.key, wire.TypeLease, wire.SignedPolicy{Bound: p.bound(), Policy: loose})
		},
		"of another registration": func(p *pc, s map[string]any) {
			b := p.bound()
			b.Registration = "registration-2"
			s["signedPolicy"] = p.compact(p.key, wire.TypePolicy, wire.SignedPolicy{Bound: b, Policy: loose})
		},
		"of another PC": func(p *pc, s map[string]any) {
			b := p.bound()
			b.KeyThumb = "another"
			s["signedPolicy"] = p.compact(p.key, wire.TypePolicy, wire.SignedPolicy{Bound: b, Policy: loose})
		},
		"one from before": func(p *pc, s map[string]any) {
			b := p.bound()
			b.IssuedAt--
			old := loose
			old.ETag = "policy-0"
			s["signedPolicy"] = p.compact(p.key, wire.TypePolicy, wire.SignedPolicy{Bound: b, Policy: old})
		},
		"no JWS": func(_ *pc, s map[string]any) { s["signedPolicy"] = "e30.e30.e30" },
		"a lease by another key": func(p *pc, s map[string]any) {
			s["lease"] = p.compact(stranger, wire.TypeLease, wire.Lease{Bound: p.bound()})
		},
		"another person's": func(_ *pc, s map[string]any) { s["user"] = "user-2" },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPC(t)
			p.sealer = plain{}
			p.enrolled()
			p.edit(func(s map[string]any) { change(p, s) })
			action, codes := p.reasons()
			if action != "block" || len(codes) != 1 || codes[0] != "policy" {
				t.Errorf("%s %v", action, codes)
			}
			if name == "another person's" {
				return // only who enrols again comes out of that
			}
			if _, err := p.start().CheckIn(t.Context()); err != nil {
				t.Fatal(err)
			}
			if action, codes := p.reasons(); action != "warn" {
				t.Errorf("after a check-in: %s %v", action, codes)
			}
		})
	}
}

func TestTimeOfflineCountsFromWhatTheServiceSigned(t *testing.T) {
	p := newPC(t)
	p.sealer = plain{}
	p.enrolled()
	p.now = p.now.Add(13 * time.Hour)
	p.edit(func(s map[string]any) { s["lastCheckInAt"], s["latestAt"] = p.now, p.now })
	if action, codes := p.reasons(); action != "block" || codes[0] != "offlineGracePeriod" {
		t.Errorf("%s %v", action, codes)
	}
}

func TestAVerdictThatWasTakenOutStillHolds(t *testing.T) {
	p := newPC(t)
	p.sealer = plain{}
	p.result.Action, p.result.State = "block", "noncompliant"
	p.enrolled()
	p.edit(func(s map[string]any) {
		r, ok := s["lastResult"].(map[string]any)
		if !ok {
			t.Fatal("no verdict is kept")
		}
		r["action"], r["reasons"] = "allow", nil
	})
	if action, _ := p.reasons(); action != "block" {
		t.Errorf("%s", action)
	}
	p.edit(func(s map[string]any) { delete(s, "lease") })
	if action, codes := p.reasons(); action != "block" || codes[0] != "notCheckedIn" {
		t.Errorf("without a lease: %s %v", action, codes)
	}
}

// What is not for this app is not taken, and what was good before goes on.
func TestAnAnswerThatIsNotSignedForThisAppIsNotKept(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	good := p.key
	bad, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	p.policy.ETag, p.result.PolicyETag = "policy-2", "policy-2"
	p.key = bad
	if _, err := c.CheckIn(t.Context()); err == nil {
		t.Error("it was taken")
	}
	if action, codes := p.reasons(); action != "warn" || c.Status().PolicyETag != "policy-1" {
		t.Errorf("%s %v, policy %s", action, codes, c.Status().PolicyETag)
	}
	p.key = good
	if _, err := c.CheckIn(t.Context()); err != nil || c.Status().PolicyETag != "policy-2" {
		t.Errorf("%v, policy %s", err, c.Status().PolicyETag)
	}
}

// A verdict that cuts access is heeded although the policy that came with it could
// not be fetched.
func TestAVerdictIsHeededWithoutItsPolicy(t *testing.T) {
	p := newPC(t)
	c := p.enrolled()
	p.policy.ETag, p.result.PolicyETag, p.result.Action = "policy-2", "policy-2", "block"
	p.result.Reasons = []wire.Reason{{Code: "maxThreatLevel", Action: "block", Text: "A threat."}}
	p.refuse["/policy"] = problem(503, wire.Problem{Title: "later"})
	if _, err := c.CheckIn(t.Context()); err == nil {
		t.Error("nothing is said of the policy")
	}
	if action, codes := p.reasons(); action != "block" || codes[0] != "maxThreatLevel" {
		t.Errorf("%s %v", action, codes)
	}
}

// Whatever a policy says, signed as it is: the app judges, and what it cannot read
// lets nobody in.
func FuzzAPolicyIsReadOrBlocks(f *testing.F) {
	p := newPC(f)
	p.sealer = plain{}
	p.enrolled()
	for _, seed := range []string{
		`{"etag":"policy-1","settings":{"printOrgData":"block"},"checks":[{"subject":"minOsVersion","action":"block","value":"10.0.1.1"}]}`,
		`{"settings":{"printOrgData":"perhaps"}}`, `{"checks":[{"subject":"offlineGracePeriod","action":"wipe","value":"-1"}]}`,
		`{"checks":[{"subject":"maxThreatLevel","action":"block","value":""}]}`, `[]`, `{"organizationOrigins":[""],"configuration":[{"typed":true}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		p.t = t
		var policy wire.Policy
		if json.Unmarshal([]byte(doc), &policy) != nil {
			return
		}
		p.edit(func(s map[string]any) {
			s["signedPolicy"] = p.compact(p.key, wire.TypePolicy, wire.SignedPolicy{Bound: p.bound(), Policy: policy})
		})
		c := p.start()
		d, held := c.Decide(), c.Protection()
		if d.Allowed() != (d.Action == "allow" || d.Action == "warn") || !d.Allowed() && len(d.Reasons) == 0 {
			t.Fatalf("%s gives %+v", doc, d)
		}
		if !d.Allowed() && held.Settings["printOrgData"] != "block" {
			t.Fatalf("%s is blocked, and printing is %s", doc, held.Settings["printOrgData"])
		}
		for name, value := range policy.Settings {
			if name == "printOrgData" && value != "allow" && held.Settings[name] == "allow" {
				t.Fatalf("%s lets print", doc)
			}
		}
	})
}
