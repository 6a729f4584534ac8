package lint

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/graphclient/document"
	"github.com/postern-mam/postern/internal/odata"
	"github.com/postern-mam/postern/internal/protection"
	"github.com/postern-mam/postern/internal/version"
)

func protectionRules() []Rule {
	return []Rule{
		{Name: "os-version-spelling", About: "a Windows version as winver spells it (22631.3155)", check: ofProtection(spelling)},
		{Name: "app-version-several-apps", About: "a minimum app version in a policy with several apps", check: ofProtection(severalApps)},
		{Name: "threat-level-without-connector", About: "a threat level check without an enabled threat connector", check: ofProtection(threatLevel)},
		{Name: "os-versions-contradict", About: "a maximum Windows version below the minimum", check: ofProtection(contradiction)},
		{Name: "wipe-before-block", About: "a threshold that wipes before, or at the same time as, another one blocks", check: ofProtection(wipeFirst)},
		{Name: "warning-never-seen", About: "a warning that a block or wipe always overtakes", check: ofProtection(lateWarning)},
		{Name: "minimum-newer-than-any", About: "a minimum version newer than any registered installation", Asks: true, check: ofProtection(tooNew)},
	}
}

func ofProtection(check func(*inquiry, document.Document)) func(*inquiry, document.Document) {
	return func(x *inquiry, d document.Document) {
		if d.Kind.OData == document.Protection {
			check(x, d)
		}
	}
}

// threshold is one limit of a policy.
type threshold struct {
	property, text string
	action         protection.Action
	version        version.Version
	after          time.Duration
}

// thresholds lists the limits that a policy sets on a subject. What cannot be read
// is left out: the service refuses it aloud.
func thresholds(d document.Document, subject protection.Subject) []threshold {
	s, _ := protection.Lookup(string(subject))
	var out []threshold
	for _, p := range s.Properties {
		t := threshold{property: p.Name, text: document.Text(d.Body, p.Name), action: p.Action}
		for _, row := range s.Rows {
			if t.text == "" && row.Action == p.Action { // what applies when nothing is said
				t.text = odata.FormatDuration(row.After)
			}
		}
		var err error
		switch {
		case t.text == "":
			continue
		case s.Kind == protection.KindDuration:
			t.after, err = odata.ParseDuration(t.text)
		case strings.HasSuffix(p.Name, "OsVersion"):
			t.version, err = version.ParseWindows(t.text)
		default:
			t.version, err = version.Parse(t.text)
		}
		if err == nil {
			out = append(out, t)
		}
	}
	return out
}

func spelling(x *inquiry, d document.Document) {
	for _, t := range slices.Concat(thresholds(d, protection.MinOSVersion), thresholds(d, protection.MaxOSVersion)) {
		plain, err := version.Parse(t.text)
		if err != nil || plain == t.version {
			continue
		}
		x.say(d, finding{Warning, t.property,
			fmt.Sprintf("%q is how winver spells a version; Postern reads it as %s, elsewhere it is compared as major version %d, which no Windows has", t.text, t.version, plain[0]),
			fmt.Sprintf("write %q", t.version)})
	}
}

func severalApps(x *inquiry, d document.Document) {
	if n := len(apps(d)); n > 1 {
		for _, t := range thresholds(d, protection.MinAppVersion) {
			x.say(d, finding{Warning, t.property, fmt.Sprintf("%s holds for each of %d apps, which number their versions differently", t.text, n), "make one policy for each app"})
		}
	}
}

func threatLevel(x *inquiry, d document.Document) {
	level := document.Text(d.Body, "maximumAllowedDeviceThreatLevel")
	if level == "" || strings.EqualFold(level, "notConfigured") {
		return
	}
	f := finding{Error, "maximumAllowedDeviceThreatLevel",
		fmt.Sprintf("%q wants a threat level, and no threat connector with windowsMobileApplicationManagementEnabled delivers one", level),
		"enable a threat connector for Windows, or set notConfigured"}
	for _, c := range x.of(document.Connector) {
		if c.Body["windowsMobileApplicationManagementEnabled"] == true {
			return
		}
	}
	if !x.whole(document.Connector) {
		f.severity, f.do = Warning, "add the threat connector to the files, or lint the service with --server"
	}
	x.say(d, f)
}

// strictest is the lowest, or highest, version that leads to a block or a wipe.
func strictest(d document.Document, subject protection.Subject, order int) (threshold, bool) {
	var out threshold
	found := false
	for _, t := range thresholds(d, subject) {
		if t.action != protection.Warn && (!found || t.version.Compare(out.version) == order) {
			out, found = t, true
		}
	}
	return out, found
}

func contradiction(x *inquiry, d document.Document) {
	low, limited := strictest(d, protection.MinOSVersion, 1)
	high, limits := strictest(d, protection.MaxOSVersion, -1)
	if limited && limits && high.version.Compare(low.version) < 0 {
		x.say(d, finding{Error, high.property, fmt.Sprintf("%s is below %s %s: no PC passes both", high.text, low.property, low.text), "raise the maximum or lower the minimum"})
	}
}

// overtakes reports whether whatever reaches b has reached a before or at the same time.
func overtakes(a, b threshold) bool {
	switch {
	case strings.HasPrefix(a.property, "period"):
		return a.after <= b.after
	case strings.HasPrefix(a.property, "maximum"):
		return a.version.Compare(b.version) <= 0
	}
	return a.version.Compare(b.version) >= 0
}

// pairs calls visit with every two thresholds of one subject.
func pairs(d document.Document, visit func(a, b threshold)) {
	for _, subject := range []protection.Subject{protection.OfflineGrace, protection.MinAppVersion, protection.MinSDKVersion, protection.MinOSVersion, protection.MaxOSVersion} {
		all := thresholds(d, subject)
		for _, a := range all {
			for _, b := range all {
				visit(a, b)
			}
		}
	}
}

func wipeFirst(x *inquiry, d document.Document) {
	pairs(d, func(wipe, block threshold) {
		never := strings.HasPrefix(wipe.property, "period") && wipe.after == 0
		if wipe.action == protection.Wipe && block.action == protection.Block && !never && overtakes(wipe, block) {
			x.say(d, finding{Warning, wipe.property, fmt.Sprintf("%s wipes before or when %s %s blocks: nobody gets a chance to mend", wipe.text, block.property, block.text), "let the block come first"})
		}
	})
}

func lateWarning(x *inquiry, d document.Document) {
	pairs(d, func(other, warn threshold) {
		if warn.action == protection.Warn && other.action != protection.Warn && overtakes(other, warn) {
			x.say(d, finding{Note, warn.property, fmt.Sprintf("%s warns whom %s %s stops already", warn.text, other.property, other.text), "warn earlier, or leave the warning out"})
		}
	})
}

func tooNew(x *inquiry, d document.Document) {
	check := func(subject protection.Subject, parse func(string) (version.Version, error), of func(document.Installation) string) {
		for _, t := range thresholds(d, subject) {
			newest, known := version.Version{}, 0
			for _, i := range x.facts.Installations {
				v, err := parse(of(i))
				if err == nil && slices.Contains(apps(d), i.App) {
					known++
					if v.Compare(newest) > 0 {
						newest = v
					}
				}
			}
			if known == 0 || newest.Compare(t.version) >= 0 {
				continue
			}
			f := finding{Error, t.property, fmt.Sprintf("%s is newer than every registered installation, of which the newest is %s: everyone is stopped", t.text, newest), "lower it, or wait for the update to arrive"}
			if t.action == protection.Warn {
				f.severity, f.why = Warning, fmt.Sprintf("%s is newer than every registered installation, of which the newest is %s: everyone is warned", t.text, newest)
			}
			x.say(d, f)
		}
	}
	check(protection.MinAppVersion, version.Parse, func(i document.Installation) string { return i.AppVersion })
	check(protection.MinOSVersion, version.ParseWindows, func(i document.Installation) string { return i.OSVersion })
}
