// Package enforcement holds the words in which an app says how far it enforces a
// policy: a state for each control, and the gaps that are left.
//
// A report is the app's own word. It is shown to administrators and to the person,
// and decides nothing: access that must not depend on it is a matter of Conditional
// Access, not of what an app says of itself.
//
// # Errors
//
// Only Parse fails, with fault.Invalid that names what would be valid.
//
// # Sources
//
// The gaps of a browser are what an extension of Manifest V3 cannot reach
// (developer.chrome.com/docs/extensions/reference), each tried in Chromium.
package enforcement

import (
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/protection"
)

// Controls that are no data protection settings.
const (
	Wipe             = "wipe"
	AppConfiguration = "appConfiguration"
)

// State says how far a control is enforced.
type State string

// The states.
const (
	Enforced    State = "enforced"    // no way around it is known
	Partly      State = "partly"      // there are gaps
	NotEnforced State = "notEnforced" // gaps say why, where the app knows
	Unknown     State = "unknown"     // the app did not say
)

// Who enforces a control.
const (
	ByExtension = "extension" // of the browser
	ByApp       = "app"       // made with the SDK
	ByNobody    = "nobody"    // as far as is known
)

// Control is how far one control is enforced.
type Control struct {
	Control string   `json:"control"`
	State   State    `json:"state"`
	By      string   `json:"by"`
	Gaps    []string `json:"gaps,omitempty"` // words of Gaps
}

// Gap is a way around a control.
type Gap struct {
	Word string
	Text string // for people
}

// gaps are sorted by word.
var gaps = [...]Gap{ // never changes
	{"developerTools", "Developer tools show what a page holds, and change what it does."},
	{"managedOnly", "Some settings are only enforced by managed policies of the browser."},
	{"missingPermission", "The person has taken a permission from the extension that it needs."},
	{"movedFiles", "Files that were moved or renamed after their download are not found."},
	{"notImplemented", "This version of the app does not enforce it."},
	{"notRegistered", "The browser does not keep the guards that the extension gave it."},
	{"otherExtensions", "Other extensions may read the pages of the organization."},
	{"privateWindows", "In private windows the extension is not there; access that asks for this PC is refused in them."},
	{"savePageAs", "\"Save page as\" of the browser's menu saves the text of a page."},
	{"savedPasswords", "Passwords that the browser has saved stay."},
	{"screenshots", "Screenshots and recordings by Windows, and cameras, show what is on the screen."},
	{"viewSource", "The source view of the browser shows a page without its guard."},
}

// Gaps lists every gap there is a word for, sorted by word.
func Gaps() []Gap { return slices.Clone(gaps[:]) }

// Text is what a gap means, for people: the word itself when there is none like it.
func Text(word string) string {
	if i := slices.IndexFunc(gaps[:], func(g Gap) bool { return g.Word == word }); i >= 0 {
		return gaps[i].Text
	}
	return word
}

// Controls lists every control, in the order of reports.
func Controls() []string {
	return []string{protection.ReceiveDataFrom, protection.SendOrgDataTo, protection.CutCopyPaste, protection.PrintOrgData, Wipe, AppConfiguration}
}

// Parse reads a report: every control at most once, gaps sorted, and what it does
// not speak of Unknown. No report at all (nil) stays none.
func Parse(report []Control) ([]Control, error) {
	if report == nil {
		return nil, nil
	}
	all := Controls()
	if n := len(report); n > len(all) {
		return nil, fault.New(fault.Invalid, "there are %d controls; at most %d are valid, each once", n, len(all))
	}
	out := make([]Control, len(all))
	for i, name := range all {
		out[i] = Control{Control: name, State: Unknown, By: ByNobody}
	}
	seen := map[string]bool{}
	for _, c := range report {
		i := slices.Index(all, c.Control)
		switch {
		case i < 0:
			return nil, fault.New(fault.Invalid, "control is %.40q; valid are %s", c.Control, strings.Join(all, ", "))
		case seen[c.Control]:
			return nil, fault.New(fault.Invalid, "%s is there twice; send each control once", c.Control)
		}
		seen[c.Control] = true
		var err error
		if out[i], err = c.parse(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c Control) parse() (Control, error) {
	if !slices.Contains([]State{Enforced, Partly, NotEnforced, Unknown}, c.State) {
		return c, fault.New(fault.Invalid, "%s: state is %.40q; valid are enforced, partly, notEnforced, unknown", c.Control, c.State)
	}
	if !slices.Contains([]string{ByExtension, ByApp, ByNobody}, c.By) {
		return c, fault.New(fault.Invalid, "%s: by is %.40q; valid are extension, app, nobody", c.Control, c.By)
	}
	if n := len(c.Gaps); n > len(gaps) {
		return c, fault.New(fault.Invalid, "%s: there are %d gaps; at most %d are valid, each once", c.Control, n, len(gaps))
	}
	for _, word := range c.Gaps {
		if !slices.ContainsFunc(gaps[:], func(g Gap) bool { return g.Word == word }) {
			return c, fault.New(fault.Invalid, "%s: gap is %.40q; valid are %s", c.Control, word, words())
		}
	}
	has := len(c.Gaps) > 0
	switch {
	case has && (c.State == Enforced || c.State == Unknown):
		return c, fault.New(fault.Invalid, "%s: it is %s and has gaps; valid with gaps are partly and notEnforced", c.Control, c.State)
	case !has && c.State == Partly:
		return c, fault.New(fault.Invalid, "%s: it is partly enforced and no gap is named; name them", c.Control)
	}
	c.Gaps = slices.Clone(c.Gaps)
	slices.Sort(c.Gaps)
	c.Gaps = slices.Compact(c.Gaps)
	return c, nil
}

func words() string {
	all := make([]string, len(gaps))
	for i, g := range gaps {
		all[i] = g.Word
	}
	return strings.Join(all, ", ")
}
