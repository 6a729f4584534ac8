package event_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
)

var (
	at = time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC)
	in = directory.Installation{Tenant: "t", User: "u", App: "a", Device: "d"}
)

// everyKind holds one event of each kind under its stored name, with whom it concerns.
func everyKind() map[string]struct {
	event   event.Event
	subject event.Subject
} {
	installation := event.Subject{Tenant: "t", User: "u", App: "a", Device: "d"}
	return map[string]struct {
		event   event.Event
		subject event.Subject
	}{
		"complianceChanged":    {event.ComplianceChanged{Installation: in, Registration: "r", From: "compliant", To: "noncompliant", At: at}, installation},
		"threatChanged":        {event.ThreatChanged{Installation: in, Registration: "r", At: at}, installation},
		"registrationChanged":  {event.RegistrationChanged{Installation: in, Registration: "r", Ended: true, At: at}, installation},
		"wipeRequested":        {event.WipeRequested{Installation: in, Registration: "r", Operation: "o", At: at}, installation},
		"diagnosticsRequested": {event.DiagnosticsRequested{Installation: in, Registration: "r", Operation: "o", At: at}, installation},
		"wipeReported":         {event.WipeReported{Installation: in, Registration: "r", Operation: "o", At: at}, installation},
		"configChanged":        {event.ConfigChanged{Tenant: "t", What: "group", Reach: &event.Reach{AllUsers: true}, At: at}, event.Subject{Tenant: "t"}},
		"userChanged":          {event.UserChanged{Tenant: "t", User: "u", At: at}, event.Subject{Tenant: "t", User: "u"}},
		"sessionRevoked":       {event.SessionRevoked{Tenant: "t", User: "u", Session: "s", Reason: "signed out", At: at}, event.Subject{Tenant: "t", User: "u", Session: "s"}},
	}
}

func TestEveryKindSurvivesStorage(t *testing.T) {
	for kind, want := range everyKind() {
		t.Run(kind, func(t *testing.T) {
			got, doc, err := event.Encode(want.event)
			if err != nil || got != kind {
				t.Fatalf("Encode = %s, %v", got, err)
			}
			back, err := event.Decode(kind, doc)
			if err != nil || !reflect.DeepEqual(back, want.event) {
				t.Errorf("%s came back as %+v, %v", doc, back, err)
			}
			if back.Subject() != want.subject {
				t.Errorf("it concerns %+v, want %+v", back.Subject(), want.subject)
			}
		})
	}
}

func TestEveryFieldIsStored(t *testing.T) {
	for kind, want := range everyKind() {
		v := reflect.ValueOf(want.event)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("the example of %s leaves out %s", kind, v.Type().Field(i).Name)
			}
		}
	}
}

func TestAnUnknownKindIsAnErrorAndNotSkipped(t *testing.T) {
	if e, err := event.Decode("moonRose", []byte(`{}`)); err == nil || !strings.Contains(err.Error(), `unknown kind "moonRose"`) || e != nil {
		t.Errorf("got %v, %v", e, err)
	}
}

func TestADamagedEventIsAnError(t *testing.T) {
	for _, doc := range []string{"", "{", `[]`, `{"At":"yesterday"}`, `{"Tenant":7}`} {
		if e, err := event.Decode("userChanged", []byte(doc)); err == nil || e != nil {
			t.Errorf("%q decodes to %+v", doc, e)
		}
	}
}

// FuzzDecode: what decodes encodes to something that decodes to the same.
func FuzzDecode(f *testing.F) {
	for kind, e := range everyKind() {
		_, doc, err := event.Encode(e.event)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(kind, doc)
	}
	f.Fuzz(func(t *testing.T, kind string, doc []byte) {
		e, err := event.Decode(kind, doc)
		if err != nil {
			return
		}
		got, again, err := event.Encode(e)
		if err != nil || got != kind {
			t.Fatalf("%+v encodes to %s, %v", e, got, err)
		}
		back, err := event.Decode(kind, again)
		if err != nil || back.Subject() != e.Subject() {
			t.Fatalf("%s came back as %+v, %v", again, back, err)
		}
		if same, _ := json.Marshal(back); string(same) != string(again) {
			t.Fatalf("%s became %s", again, same)
		}
	})
}
