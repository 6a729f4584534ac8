package protection_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/threat"
	"github.com/postern-mam/postern/internal/version"
)

func from(t protection.Template, id protection.PolicyID) protection.Policy {
	return policy(id, func(p *protection.Policy) { p.DisplayName, p.Settings = t.Name, t.Settings })
}

func TestThereIsATemplateForEachLevelAndItIsValid(t *testing.T) {
	templates := protection.Templates()
	if len(templates) != 3 {
		t.Fatalf("%d templates", len(templates))
	}
	for i, template := range templates {
		if template.Level != i+1 || template.ID == "" || template.Description == "" || !strings.HasPrefix(template.Name, "Level") {
			t.Errorf("template %d is %+v", i, template)
		}
		if err := protection.Validate(from(template, "T_1")); err != nil {
			t.Errorf("%s: %v", template.ID, err)
		}
		if settings := template.Settings.WithDefaults(); len(settings.Checks) != len(template.Settings.Checks) {
			t.Errorf("%s leaves a check to the defaults: %+v", template.ID, settings.Checks)
		}
	}
}

// Merging takes the most restrictive value of every setting: a level that restricts
// at least as much as the one below decides everything.
func TestEachLevelRestrictsAtLeastAsMuchAsTheOneBelow(t *testing.T) {
	templates := protection.Templates()
	for i := 1; i < len(templates); i++ {
		below, above := templates[i-1], templates[i]
		e := protection.Merge([]protection.Policy{from(below, "T_2"), from(above, "T_1")}, at(edge))
		if want := above.Settings.WithDefaults(); !reflect.DeepEqual(e.Settings, want) {
			t.Errorf("%s beside %s: %+v, want %+v", above.ID, below.ID, e.Settings, want)
		}
		for setting, source := range e.Sources {
			if source != "T_1" {
				t.Errorf("%s decides %s against %s", below.ID, setting, above.ID)
			}
		}
		if reflect.DeepEqual(above.Settings, below.Settings) {
			t.Errorf("%s is %s", above.ID, below.ID)
		}
	}
}

func TestTheLevelsAreThoseOfTheFramework(t *testing.T) {
	limits := func(s protection.Settings) map[string]string {
		out := map[string]string{}
		for _, c := range s.Checks {
			out[c.Name()] = c.Limit()
		}
		return out
	}
	hours := func(h int) string {
		return protection.Check{Subject: protection.OfflineGrace, After: time.Duration(h) * time.Hour}.Limit()
	}
	recent, newest := v(10, 0, 22621, 2506).String(), version.Version{10, 0, 22641}.String()
	want := []map[string]string{
		{"offlineGracePeriod:block": hours(168), "offlineGracePeriod:wipe": hours(90 * 24), "maxThreatLevel:block": threat.High.String()},
		{"offlineGracePeriod:block": hours(24), "offlineGracePeriod:wipe": hours(30 * 24), "maxThreatLevel:block": threat.Low.String(), "disabledAccount:block": "", "minOsVersion:block": recent},
		{"offlineGracePeriod:block": hours(24), "offlineGracePeriod:wipe": hours(30 * 24), "maxThreatLevel:block": threat.Secured.String(), "disabledAccount:block": "", "minOsVersion:block": recent, "maxOsVersion:warn": newest},
	}
	for i, template := range protection.Templates() {
		s := template.Settings
		if got := limits(s); !reflect.DeepEqual(got, want[i]) {
			t.Errorf("%s has %v, want %v", template.ID, got, want[i])
		}
		open := s.ReceiveFrom == protection.AllApps && s.SendTo == protection.AllApps && s.Clipboard == protection.AnyDestinationAnySource && !s.PrintBlocked
		shut := s.ReceiveFrom == protection.NoApps && s.SendTo == protection.NoApps && s.Clipboard == protection.NoClipboard && s.PrintBlocked
		if open != (i == 0) || shut != (i > 0) {
			t.Errorf("%s has %+v", template.ID, s)
		}
	}
}

func TestATemplateIsTheCallersOwn(t *testing.T) {
	protection.Templates()[1].Settings.Checks[0].Action = protection.Wipe
	if protection.Templates()[1].Settings.Checks[0].Action == protection.Wipe {
		t.Error("a caller changed a template")
	}
}
