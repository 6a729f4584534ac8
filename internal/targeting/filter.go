package targeting

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/devicefilter"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/version"
)

// FilterID names an assignment filter.
type FilterID string

// FilterMode is how a filter narrows an assignment.
type FilterMode string

// The modes of a filter (Graph: deviceAndAppManagementAssignmentFilterType).
const (
	Unfiltered FilterMode = ""        // there is no filter
	Include    FilterMode = "include" // only what passes the filter
	Exclude    FilterMode = "exclude" // all but what passes the filter
)

// The platforms that a filter can be for (Graph: devicePlatformType).
const (
	WindowsDevices = "windows10AndLater"
	WindowsApps    = "windowsMobileApplicationManagement"
)

// The limits of what an administrator says about a filter, in characters.
const (
	maxName        = 256
	maxDescription = 1024
)

// Filter is an assignment filter (Graph: deviceAndAppManagementAssignmentFilter).
//
// As JSON its rule is the text as given. A text that cannot be read any more is
// kept, and the filter counts as one that does not exist: see Reaches.
type Filter struct {
	ID          FilterID
	Tenant      directory.TenantID
	DisplayName string
	Description string
	Platform    string // WindowsDevices or WindowsApps
	ForApps     bool   // for managed apps (Graph: assignmentFilterManagementType apps), otherwise for devices
	Rule        devicefilter.Rule
	ScopeTags   []string
	CreatedAt   time.Time
	ModifiedAt  time.Time
	Revision    int64
}

// App is what filters read of an app instance; empty is unknown.
type App struct {
	AppVersion   string // of the app
	OSVersion    string // of Windows: 10.0.22631.3155
	Manufacturer string // of the device
	Model        string // of the device
}

// fact answers a rule for managed apps.
func (a App) fact(property string) (string, bool) {
	var value string
	switch property {
	case devicefilter.AppVersion:
		value = a.AppVersion
	case devicefilter.AppDeviceManufacturer:
		value = a.Manufacturer
	case devicefilter.AppDeviceModel:
		value = a.Model
	case devicefilter.AppOperatingSystemVersion, devicefilter.AppOSVersion:
		value = a.OSVersion
	}
	return value, value != ""
}

// Passes reports whether an app instance satisfies the filter's rule. Nothing
// passes a filter that is not Usable for apps.
func (f Filter) Passes(a App) bool {
	return f.Usable() && f.Rule.Matches(devicefilter.FactFunc(a.fact))
}

// Usable reports whether the filter can say anything about an app instance: it is
// for managed apps on Windows and its rule was read.
func (f Filter) Usable() bool { return f.ForApps && f.Platform == WindowsApps && !f.Rule.IsZero() }

// UnmarshalJSON reads what json.Marshal wrote. A rule that is not valid, or not
// any more, is no error: it is kept as devicefilter.Unread.
func (f *Filter) UnmarshalJSON(raw []byte) error {
	type plain Filter
	in := struct {
		*plain
		Rule string
	}{plain: (*plain)(f)}
	if err := json.Unmarshal(raw, &in); err != nil {
		return err
	}
	rule, err := ParseRule(f.Platform, in.Rule)
	if err != nil {
		rule = devicefilter.Unread(in.Rule)
	}
	f.Rule = rule
	return nil
}

// Vocabulary returns what filters for a platform can ask for. The error is
// fault.Invalid and names the platforms that are served.
func Vocabulary(platform string) (devicefilter.Vocabulary, error) {
	switch platform {
	case WindowsDevices:
		return devicefilter.WindowsDevices(versions()), nil
	case WindowsApps:
		return devicefilter.ManagedApps(versions()), nil
	default:
		return devicefilter.Vocabulary{}, fault.New(fault.Invalid, "platform is %q; valid are %s (devices) and %s (apps)", clip(platform), WindowsDevices, WindowsApps)
	}
}

func versions() devicefilter.Versions {
	return devicefilter.Versions{
		App:     func(text string) ([4]uint32, error) { return version.Parse(text) },
		Windows: func(text string) ([4]uint32, error) { return version.ParseWindows(text) },
	}
}

// ParseRule reads the rule of a filter for a platform. Errors are fault.Invalid.
func ParseRule(platform, text string) (devicefilter.Rule, error) {
	words, err := Vocabulary(platform)
	if err != nil {
		return devicefilter.Rule{}, err
	}
	rule, err := devicefilter.Parse(text, words)
	if err != nil {
		return rule, fault.New(fault.Invalid, "%s", err.Error())
	}
	return rule, nil
}

// ValidateFilter says what is wrong with a filter before it is saved: everything,
// as one fault.Invalid, each with the field, the value and what would be valid.
func ValidateFilter(f Filter) error {
	var wrong complaints
	if n := utf8.RuneCountInString(f.DisplayName); strings.TrimSpace(f.DisplayName) == "" || n > maxName {
		wrong.say("displayName is %q; valid are 1 to %d characters", clip(f.DisplayName), maxName)
	}
	if n := utf8.RuneCountInString(f.Description); n > maxDescription {
		wrong.say("description has %d characters; valid are 0 to %d", n, maxDescription)
	}
	switch _, err := Vocabulary(f.Platform); {
	case err != nil:
		wrong.say("%s", fault.Detail(err))
	case f.ForApps != (f.Platform == WindowsApps):
		wrong.say("assignmentFilterManagementType is not what the platform %s is for; valid are devices with %s and apps with %s", f.Platform, WindowsDevices, WindowsApps)
	default:
		if _, err := ParseRule(f.Platform, f.Rule.String()); err != nil {
			wrong.say("%s", fault.Detail(err))
		}
	}
	return wrong.fault()
}
