package compliance

import (
	"fmt"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/version"
)

// DefaultMaxUsers is how many users may enrol on one device when the tenant does
// not say (docs/spec/windows-mam.md, section 3.2).
const DefaultMaxUsers = 3

// Codes of refusals, beside Managed.
const (
	PlatformUnsupported = "platformUnsupported"
	OSUnsupported       = "osUnsupported"
	AppUnsupported      = "appUnsupported"
	JoinLimit           = "joinLimit"
)

// Candidate is an installation that asks to be enrolled.
type Candidate struct {
	Platform        string // "windows"
	OSVersion       string
	App             directory.PackageID
	AppVersion      string
	DirectoryJoined bool
	MDMEnrolled     bool
	OtherUsers      int // users already enrolled on the device, without this one
	MaxUsers        int // the tenant's limit; 0 means DefaultMaxUsers
}

// Refusal says why a candidate is not enrolled, and the remedy.
type Refusal struct {
	Code  string
	Text  string   // one sentence for the person, without a full stop
	Steps []string // in order
}

// Supported returns everything that stands against enrolling c, or nothing: the
// supported platform, builds of Windows and versions of Microsoft Edge, personal
// PCs only, and the limit of users on one device. A version that is missing or
// does not parse is not supported. Other apps are not held to a version here;
// policies are for that.
func Supported(c Candidate) []Refusal {
	var refusals []Refusal
	if c.DirectoryJoined || c.MDMEnrolled {
		why := managed()
		refusals = append(refusals, Refusal{Code: Managed, Text: why.Text, Steps: why.Steps})
	}
	if c.Platform != "windows" {
		return append(refusals, Refusal{
			Code: PlatformUnsupported, Text: fmt.Sprintf("The platform %q is not supported; windows is", c.Platform),
			Steps: []string{"Use a PC with Windows 11 or Windows 10."},
		})
	}
	os, _ := version.ParseWindows(c.OSVersion)
	if os.Compare(firstSupported(os)) < 0 {
		refusals = append(refusals, Refusal{
			Code: OSUnsupported,
			Text: fmt.Sprintf("Windows %s is not supported; Windows 11 from %s and Windows 10 from %s are",
				orUnknown(c.OSVersion), windows11(), windows10()),
			Steps: updateWindows(),
		})
	}
	if r := supportedApp(c, os); r != nil {
		refusals = append(refusals, *r)
	}
	limit := c.MaxUsers
	if limit <= 0 {
		limit = DefaultMaxUsers
	}
	if c.OtherUsers >= limit {
		refusals = append(refusals, Refusal{
			Code: JoinLimit, Text: fmt.Sprintf("%d people use organization data on this PC already; at most %d may", c.OtherUsers, limit),
			Steps: []string{"Have one of them sign out of the protected app on this PC, then try again."},
		})
	}
	return refusals
}

func windows11() version.Version { return version.Version{10, 0, 22621, 2506} } // 22H2 with KB5031455
func windows10() version.Version { return version.Version{10, 0, 19045, 3636} } // 22H2 with KB5031445

// isWindows11 goes by the build: both call themselves 10.0.
func isWindows11(v version.Version) bool { return v.Compare(version.Version{10, 0, 22000}) >= 0 }

func firstSupported(os version.Version) version.Version {
	if isWindows11(os) {
		return windows11()
	}
	return windows10()
}

func supportedApp(c Candidate, os version.Version) *Refusal {
	if c.App != edge {
		return nil
	}
	least := version.Version{118, 0, 2088, 71}
	if isWindows11(os) {
		least = version.Version{117}
	}
	if have, _ := version.Parse(c.AppVersion); have.Compare(least) >= 0 {
		return nil
	}
	return &Refusal{
		Code: AppUnsupported, Text: fmt.Sprintf("Microsoft Edge %s is not supported; %s or later is", orUnknown(c.AppVersion), least),
		Steps: updateApp(appName(edge)),
	}
}

// orUnknown shortens what a stranger sent.
func orUnknown(s string) string {
	const most = 64
	switch {
	case s == "":
		return "of unknown version"
	case len(s) > most:
		return s[:most] + "..."
	}
	return s
}
