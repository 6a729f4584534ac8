package nativehost_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/enforcement"
)

func TestWhatTheExtensionEnforcesIsPassedOnNewestLast(t *testing.T) {
	b := start(t)
	b.say(`{"type":"hello","browser":"130.0.1"}`)
	b.hear("state")
	last := ""
	for _, state := range []string{"enforced", "unknown", "enforced", "unknown"} {
		b.say(`{"type":"controls","controls":[{"control":"printOrgData","state":"` + state + `","by":"extension"}]}`)
	}
	for !strings.Contains(last, "unknown") || len(b.app.acts) > 0 { // those in between may be left out
		last = <-b.app.acts
	}
	b.say(`{"type":"prove","id":"1","nonce":"n","origin":"https://id.example"}`) // a report that failed stops nothing
	b.hear("proof")
}

func TestTheExtensionIsToldWhatWasSent(t *testing.T) {
	b := start(t)
	b.say(`{"type":"hello","browser":"130.0.1"}`)
	b.hear("state")
	b.say(`{"type":"sent","id":"7"}`)
	doc, err := json.Marshal(b.hear("sent"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(enforcement.Text("savedPasswords"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"id":"7"`, `"message":"Enroll"`, `"body":{"app":"x"}`, `"control":"wipe"`, string(text)} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("%s lacks %s", doc, want)
		}
	}
}
