package agreement_test

import (
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
)

const day = 24 * time.Hour

var epoch = time.Date(2026, time.March, 1, 9, 0, 0, 0, time.UTC)

func terms() agreement.Agreement {
	return agreement.Agreement{
		ID: "terms", Tenant: "contoso", DisplayName: "Private PCs", Version: 3,
		Texts: []agreement.Text{{ID: "en", Language: "en", Name: "terms.txt", Default: true, Body: "Be careful."}},
	}
}

func accepted(at time.Time) agreement.Acceptance {
	return agreement.Acceptance{Agreement: "terms", Version: 3, User: "ada", Device: "pc", AcceptedAt: at}
}

func TestAnAcceptanceLastsUntilTheTextChanges(t *testing.T) {
	g, a := terms(), accepted(epoch)
	for _, now := range []time.Time{epoch, epoch.Add(-time.Minute), epoch.Add(100 * 365 * day)} { // a replica's clock may be behind
		if !g.InForce(a, "", now) {
			t.Errorf("at %v it is not in force", now)
		}
	}
	g.Version++
	if g.InForce(a, "", epoch) {
		t.Error("an older text was accepted, and that counts for the new one")
	}
	g.Version = 2
	if g.InForce(a, "", epoch) {
		t.Error("a newer text was accepted, and that counts for an older one")
	}
}

func TestAnAcceptanceIsOfOneAgreementAndOfAMoment(t *testing.T) {
	a := accepted(epoch)
	a.Agreement = "other"
	if terms().InForce(a, "pc", epoch) {
		t.Error("another agreement was accepted")
	}
	if terms().InForce(accepted(time.Time{}), "pc", epoch) {
		t.Error("nobody knows when it was accepted")
	}
}

func TestWherePerDeviceIsAskedEveryDeviceNeedsItsOwn(t *testing.T) {
	g, a := terms(), accepted(epoch)
	g.PerDevice = true
	for device, want := range map[directory.DeviceID]bool{"pc": true, "laptop": false, "": false} {
		if got := g.InForce(a, device, epoch); got != want {
			t.Errorf("on %q it is in force: %v", device, got)
		}
	}
	a.Device = ""
	if g.InForce(a, "", epoch) {
		t.Error("an unknown device is taken for another unknown one")
	}
}

func TestAnAcceptanceEndsAfterItsFrequency(t *testing.T) {
	g, a := terms(), accepted(epoch)
	g.ReacceptFor = 90 * day
	for offset, want := range map[time.Duration]bool{0: true, 90*day - 1: true, 90 * day: false, 91 * day: false} {
		if got := g.InForce(a, "", epoch.Add(offset)); got != want {
			t.Errorf("after %v it is in force: %v", offset, got)
		}
	}
}

func TestTermsExpireForEverybodyOnTheirSchedule(t *testing.T) {
	g := terms()
	g.ExpiresFrom, g.ExpiresEvery = epoch, 30*day
	for _, test := range []struct {
		accepted, now time.Duration // from the first expiry on
		want          bool
	}{
		{-day, -1, true}, {-day, 0, false}, {-day, 40 * day, false},
		{0, 0, true}, {0, 30*day - 1, true}, {0, 30 * day, false},
		{day, 30*day - 1, true}, {day, 30 * day, false}, {day, 100 * day, false},
		{30 * day, 60*day - 1, true}, {30*day - 1, 30 * day, false}, {59 * day, 60 * day, false},
	} {
		if got := g.InForce(accepted(epoch.Add(test.accepted)), "", epoch.Add(test.now)); got != test.want {
			t.Errorf("accepted at %v, in force at %v: %v", test.accepted, test.now, got)
		}
	}
	g.ExpiresEvery = 0 // once
	for _, test := range []struct {
		accepted, now time.Duration
		want          bool
	}{{-day, -1, true}, {-day, 0, false}, {0, 9999 * day, true}, {day, 9999 * day, true}} {
		if got := g.InForce(accepted(epoch.Add(test.accepted)), "", epoch.Add(test.now)); got != test.want {
			t.Errorf("once: accepted at %v, in force at %v: %v", test.accepted, test.now, got)
		}
	}
}

func TestTheFirstEndCounts(t *testing.T) {
	g := terms()
	g.ReacceptFor, g.ExpiresFrom, g.ExpiresEvery = 10*day, epoch.Add(5*day), 30*day
	for at, want := range map[time.Duration]time.Duration{0: 5 * day, 5 * day: 15 * day, 30 * day: 35 * day, 35 * day: 45 * day} {
		if got := g.Ends(accepted(epoch.Add(at))); !got.Equal(epoch.Add(want)) {
			t.Errorf("accepted at %v it ends at %v, want %v", at, got.Sub(epoch), want)
		}
	}
	if end := terms().Ends(accepted(epoch)); !end.IsZero() {
		t.Errorf("without a term it ends at %v", end)
	}
}

// What is in force stays so until its end, and never comes back after it.
func TestWhatEndedStaysEnded(t *testing.T) {
	for _, every := range []time.Duration{0, day, 7 * day, 30 * day} {
		for _, reaccept := range []time.Duration{0, day, 10 * day} {
			g := terms()
			g.ReacceptFor, g.ExpiresFrom, g.ExpiresEvery = reaccept, epoch.Add(3*day), every
			for at := time.Duration(0); at < 20*day; at += 13 * time.Hour {
				a, before := accepted(epoch.Add(at)), true
				for now := at; now < 60*day; now += 7 * time.Hour {
					in := g.InForce(a, "", epoch.Add(now))
					if in && !before || now == at && !in {
						t.Fatalf("every %v, again after %v: accepted at %v, at %v it is in force: %v", every, reaccept, at, now, in)
					}
					before = in
				}
			}
		}
	}
}

func TestAPersonReadsTheirLanguageIfThereIsOne(t *testing.T) {
	g := terms()
	g.Texts = []agreement.Text{{ID: "fr", Language: "fr"}, {ID: "de-at", Language: "de-AT"}, {ID: "en", Language: "en", Default: true}, {ID: "de", Language: "de"}}
	for language, want := range map[string]string{
		"de": "de", "DE-at": "de-at", "de-CH": "de-at", "fr-FR": "fr", "it": "en", "": "en", "en-GB": "en",
	} {
		if got := g.Text(language).ID; got != want {
			t.Errorf("%q reads %q, want %q", language, got, want)
		}
	}
	g.Texts[2].Default = false
	if got := g.Text("it").ID; got != "fr" {
		t.Errorf("without a default the first is shown, not %q", got)
	}
	if got := (agreement.Agreement{}).Text("en"); got != (agreement.Text{}) {
		t.Errorf("nothing is %+v", got)
	}
}

func TestTheFirstTextIsTheDefaultWhereNoneIsMarked(t *testing.T) {
	g := agreement.Agreement{Texts: []agreement.Text{{ID: "a"}, {ID: "b"}}}
	g.Complete()
	if !g.Texts[0].Default || g.Texts[1].Default {
		t.Errorf("%+v", g.Texts)
	}
	g.Texts[0].Default, g.Texts[1].Default = false, true
	if g.Complete(); g.Texts[0].Default {
		t.Error("a default that was chosen is overruled")
	}
	empty := agreement.Agreement{}
	if empty.Complete(); empty.Texts != nil {
		t.Errorf("%+v", empty.Texts)
	}
}

func TestAnAgreementThatBreaksARuleIsRefusedByFieldAndValue(t *testing.T) {
	sound := terms()
	sound.ReacceptFor, sound.ExpiresFrom, sound.ExpiresEvery = day, epoch, 3650*day
	sound.Texts = append(sound.Texts, agreement.Text{Language: "zh-Hant-TW", Name: "tw.txt", Body: "小心\r\n\tx"}, agreement.Text{Language: "fr", Name: "fr", Body: strings.Repeat("x", 256<<10)})
	for _, g := range []agreement.Agreement{terms(), sound} {
		if err := agreement.Validate(g); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		spoil func(g *agreement.Agreement)
		want  string
	}{
		"no name":        {func(g *agreement.Agreement) { g.DisplayName = "" }, "displayName is missing"},
		"long name":      {func(g *agreement.Agreement) { g.DisplayName = strings.Repeat("ä", 257) }, "displayName has 257 characters"},
		"broken name":    {func(g *agreement.Agreement) { g.DisplayName = "\xff" }, "displayName is not valid UTF-8"},
		"short reaccept": {func(g *agreement.Agreement) { g.ReacceptFor = time.Hour }, "userReacceptRequiredFrequency is 1h0m0s; it must be null, or between one day (P1D)"},
		"long reaccept":  {func(g *agreement.Agreement) { g.ReacceptFor = 3651 * day }, "userReacceptRequiredFrequency is"},
		"negative":       {func(g *agreement.Agreement) { g.ReacceptFor = -day }, "userReacceptRequiredFrequency is"},
		"frequency":      {func(g *agreement.Agreement) { g.ExpiresFrom, g.ExpiresEvery = epoch, time.Minute }, "termsExpiration.frequency is 1m0s"},
		"no start":       {func(g *agreement.Agreement) { g.ExpiresEvery = 30 * day }, "termsExpiration.startDateTime is missing"},
		"no files":       {func(g *agreement.Agreement) { g.Texts = nil }, "files has 0 entries"},
		"many files":     {func(g *agreement.Agreement) { g.Texts = make([]agreement.Text, 101) }, "files has 101 entries"},
		"no default":     {func(g *agreement.Agreement) { g.Texts[0].Default = false }, "isDefault is true of 0"},
		"two defaults": {func(g *agreement.Agreement) {
			g.Texts = append(g.Texts, agreement.Text{Language: "de", Name: "x", Default: true, Body: "x"})
		}, "isDefault is true of 2"},
		"no file name": {func(g *agreement.Agreement) { g.Texts[0].Name = "" }, "files[0].fileName is missing"},
		"twice": {func(g *agreement.Agreement) {
			g.Texts = append(g.Texts, agreement.Text{Language: "EN", Name: "x", Body: "x"})
		}, `files[1].language is "EN", which another file has`},
		"PDF":              {func(g *agreement.Agreement) { g.Texts[0].Body = "%PDF-1.7\n..." }, "files[0].fileData.data is a PDF document; terms of use are plain text"},
		"long":             {func(g *agreement.Agreement) { g.Texts[0].Body = strings.Repeat("x", 256<<10+1) }, "has 262145 bytes; at most 262144"},
		"empty":            {func(g *agreement.Agreement) { g.Texts[0].Body = " \n" }, "fileData.data is empty"},
		"Latin":            {func(g *agreement.Agreement) { g.Texts[0].Body = "Stra\xdfe" }, "fileData.data is not valid UTF-8"},
		"NUL":              {func(g *agreement.Agreement) { g.Texts[0].Body = "a\x00b" }, "control character U+0000"},
		"delete":           {func(g *agreement.Agreement) { g.Texts[0].Body = "a\x7fb" }, "control character U+007F"},
		"no language":      {func(g *agreement.Agreement) { g.Texts[0].Language = "" }, `files[0].language is ""`},
		"language 1":       {func(g *agreement.Agreement) { g.Texts[0].Language = "e" }, `language is "e"`},
		"language digits":  {func(g *agreement.Agreement) { g.Texts[0].Language = "e1" }, `language is "e1"`},
		"language hyphen":  {func(g *agreement.Agreement) { g.Texts[0].Language = "en-" }, `language is "en-"`},
		"language long":    {func(g *agreement.Agreement) { g.Texts[0].Language = "en-abcdefghi" }, "abcdefghi"},
		"language strange": {func(g *agreement.Agreement) { g.Texts[0].Language = "en_US" }, `language is "en_US"; it must be a language tag such as en or de-AT`},
	} {
		g := terms()
		test.spoil(&g)
		if err := agreement.Validate(g); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
