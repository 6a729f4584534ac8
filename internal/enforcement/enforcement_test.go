package enforcement_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/enforcement"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
)

func TestEveryDataProtectionSettingIsAControl(t *testing.T) {
	all := enforcement.Controls()
	for _, s := range protection.Catalogue() {
		if !s.HealthCheck() && !slices.Contains(all, s.Name) {
			t.Errorf("nobody is asked how far %s is enforced", s.Name)
		}
	}
	if !slices.Contains(all, enforcement.Wipe) || !slices.Contains(all, enforcement.AppConfiguration) {
		t.Errorf("controls are %q", all)
	}
}

func TestEveryGapHasASentence(t *testing.T) {
	all := enforcement.Gaps()
	for _, g := range all {
		if g.Word == "" || !strings.HasSuffix(g.Text, ".") || enforcement.Text(g.Word) != g.Text {
			t.Errorf("%+v", g)
		}
	}
	if !slices.IsSortedFunc(all, func(a, b enforcement.Gap) int { return strings.Compare(a.Word, b.Word) }) {
		t.Error("gaps are not sorted")
	}
	if got := enforcement.Text("aliens"); got != "aliens" {
		t.Errorf("a word without a sentence is shown as %q", got)
	}
}

func TestWhatAReportDoesNotSpeakOfIsUnknown(t *testing.T) {
	got, err := enforcement.Parse([]enforcement.Control{
		{Control: "wipe", State: enforcement.Partly, By: "extension", Gaps: []string{"savedPasswords", "movedFiles", "movedFiles"}},
		{Control: "printOrgData", State: enforcement.Enforced, By: "app"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range got {
		names = append(names, c.Control)
		switch {
		case c.Control == "wipe" && reflect.DeepEqual(c.Gaps, []string{"movedFiles", "savedPasswords"}) && c.State == enforcement.Partly:
		case c.Control == "printOrgData" && c.State == enforcement.Enforced && c.By == "app":
		case c.State == enforcement.Unknown && c.By == enforcement.ByNobody && c.Gaps == nil:
		default:
			t.Errorf("read %+v", c)
		}
	}
	if !slices.Equal(names, enforcement.Controls()) {
		t.Errorf("controls come as %q", names)
	}
	if none, err := enforcement.Parse(nil); none != nil || err != nil {
		t.Errorf("no report is read as %+v, %v", none, err)
	}
	if empty, err := enforcement.Parse([]enforcement.Control{}); len(empty) != len(enforcement.Controls()) || err != nil {
		t.Errorf("a report that says nothing is read as %+v, %v", empty, err)
	}
}

func TestAReportThatMakesNoSenseIsRefusedByName(t *testing.T) {
	many := make([]enforcement.Control, 7)
	for want, report := range map[string][]enforcement.Control{
		"at most 6":         many,
		`"teleport"`:        {{Control: "teleport", State: "enforced", By: "app"}},
		"twice":             {{Control: "wipe", State: "enforced", By: "app"}, {Control: "wipe", State: "unknown", By: "app"}},
		`"perfect"`:         {{Control: "wipe", State: "perfect", By: "app"}},
		`"magic"`:           {{Control: "wipe", State: "enforced", By: "magic"}},
		`gap is "aliens"`:   {{Control: "wipe", State: "partly", By: "app", Gaps: []string{"aliens"}}},
		"there are 40 gaps": {{Control: "wipe", State: "partly", By: "app", Gaps: slices.Repeat([]string{"viewSource"}, 40)}},
		"has gaps":          {{Control: "wipe", State: "enforced", By: "app", Gaps: []string{"viewSource"}}},
		"unknown and has":   {{Control: "wipe", State: "unknown", By: "app", Gaps: []string{"viewSource"}}},
		"no gap is named":   {{Control: "wipe", State: "partly", By: "app"}},
	} {
		got, err := enforcement.Parse(report)
		if fault.KindOf(err) != fault.Invalid || got != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v", want, got, err)
		}
	}
}

// Whatever is read is read the same again.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`[{"control":"wipe","state":"partly","by":"extension","gaps":["viewSource"]}]`))
	f.Add([]byte(`[{"control":"wipe"},{}]`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var report []enforcement.Control
		if json.Unmarshal(doc, &report) != nil {
			return
		}
		got, err := enforcement.Parse(report)
		if err != nil {
			return
		}
		again, err := enforcement.Parse(got)
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Fatalf("%+v is read as %+v, %v", got, again, err)
		}
	})
}
